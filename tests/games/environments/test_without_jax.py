"""JAX is imported by the games that need it, and missed in one line."""

import subprocess
import sys

import console
import pytest

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.games.environments.jaxmarl import library
from marl_comm.games.environments.spec import Spec
from marl_comm.learners.mappo import memory

RUN = """
import sys
sys.modules.update(dict.fromkeys(["jax", "jaxmarl", "flax"]))  # importing any of them fails
from marl_comm.command_line.composition import compose
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import assemble
import numpy as np
config = compose("game=mpe/simple_spread", "game.copies=1", "game.steps=2", "logger=local")
config.game.ready(config)
parts = assemble(config, Streams(range(1)))
parts.game.collect(np.arange(1), parts.learner.behaviours_for(parts.plan(np.arange(1))), None)
"""


def test_other_environments_do_not_import_jax():
    ended = subprocess.run(
        [sys.executable, "-c", RUN],
        env=console.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("game", ["smax/3m", "jaxmarl"])
def test_a_missing_package_is_told_with_what_installs_it(game, monkeypatch):
    monkeypatch.setattr(library, "find_spec", lambda name: None)
    config = compose(f"game={game}", "game.max_steps=77")
    with pytest.raises(InputError, match=r"not installed; pip install 'jax\S* 'jaxmarl"):
        config.game.ready(config)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("game=jaxmarl game.environment=MPE_simple_tag_v3", "play against each other"),
        ("game=jaxmarl game.environment=HeuristicEnemySMAX", "set game=smax"),
        ("game=jaxmarl +game.arguments.max_steps=3", "set game.max_steps instead"),
        ("game=smax/3m +game.arguments.scenario=8m", "set game.scenario instead"),
        ("game=smax/3m game.scenario=8m", "game.scenario"),
        ("game=jaxmarl metrics.objective=won", "nothing is won there"),
        (
            "game=smax/3m game.critic_observes=world learner.critic=own",
            "set learner.critic=central or",
        ),
        ("game=coverage metrics.objective=won", "nothing is won there"),
    ],
)
def test_what_makes_no_sense_is_refused(overrides, words):
    with pytest.raises(InputError, match=words):
        compose(*overrides.split())


def test_memory_for_jax_is_counted(monkeypatch):
    run = compose("game=smax/3m")
    assert compose("game=mpe/simple_spread").game.library_bytes == 0
    spec = Spec(("a", "b"), (9, 9), (4, 4), discrete=True, masked=True)
    counted = memory.estimated(run, spec, 1).host
    monkeypatch.setattr(type(run.game), "library_bytes", 0)
    assert counted - memory.estimated(run, spec, 1).host == 640 * 2**20


def test_a_search_may_look_for_battles_won():
    assert compose("game=smax/3m", "metrics.objective=won").metrics.objective == ("won",)
