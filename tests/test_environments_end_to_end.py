"""Runs of environments that leave, quit, pay late, or break off: what is learned and what is told.

Environments with known best returns, and the command's exit codes and leftovers.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from odd_worlds import World

from marl_comm.command_line.composition import compose
from marl_comm.runs.session import execute

TESTS = Path(__file__).parent
LEARNING = [
    "game=pettingzoo",
    "game.copies=16",
    "game.steps=20",
    "game.reward=sum",
    "game.evaluation_copies=8",
    "game.evaluation_every=30",
    "game.evaluation_steps=30",
    "algorithm=full_communication",
    "max_local_steps=30",
    "logger=local",
]


class Quitting(World):
    """Staying pays 0.3 a step for ten steps, of which the last truncates; quitting 0.5, once.

    At discount 0.8, going on for ever is worth 1.5. A quitting that terminates is worth 0.5, one
    that truncates 0.5 + 0.8 v > v for every v < 2.5: it is always better.
    """

    names = ("a",)
    ending = "terminated"

    def see(self, agent):
        return np.ones(2)

    def reward(self, agent, action):
        self.quits = action == 1
        return 0.5 if self.quits else 0.3

    def over(self, agent):
        if self.quits:
            return self.ending != "truncated", self.ending != "terminated"
        return False, self.time >= 10


class Leaving(World):
    """Only at its first step may b leave, by action 2; what that brings depends on the kind.

    `sacrifice`: b loses 1 and a gains 1 at each later step. `legacy`: at the end b, which has left,
    gains 3. If it stays, nobody gains anything.
    """

    kind = "sacrifice"

    def reset(self, seed=None, options=None):
        self.gone = False
        return super().reset(seed)

    def over(self, agent):
        return self.time >= self.steps or (agent == "b" and self.gone), False

    def reward(self, agent, action):
        leaves = agent == "b" and self.time == 1 and action == 2
        if self.kind == "sacrifice":
            gain = float(agent == "a" and self.gone) - float(leaves)
        else:
            gain = 0.0
        self.leaves_now = leaves
        return gain

    def step(self, actions):
        was_gone, self.leaves_now = self.gone, False
        self.time += 1
        acting = list(self.agents)
        rewards = {agent: self.reward(agent, actions[agent]) for agent in acting}
        self.gone = was_gone or self.leaves_now
        if self.kind == "legacy" and was_gone and self.time == self.steps:
            rewards["b"] = 3.0
        terminations = {agent: self.over(agent)[0] for agent in acting}
        self.agents = [agent for agent in acting if not terminations[agent]]
        return self.seen(acting), rewards, terminations, dict.fromkeys(acting, False), {}


def final_return(directory, *overrides):
    """Train, and return the greedy return at the end."""
    execute(compose(*LEARNING, *overrides), directory)
    points = (directory / "metrics.jsonl").read_text().splitlines()
    return json.loads(points[-1])["evaluation_greedy_return"]


@pytest.mark.parametrize(
    ("ending", "best"), [("terminated", 3.0), ("truncated", 0.5), ("both", 3.0)]
)
def test_what_an_end_is_decides_what_is_learned(tmp_path, ending, best):
    found = final_return(
        tmp_path / "run",
        "game.environment=test_environments_end_to_end:Quitting",
        f"+game.arguments.ending={ending}",
        "learner.discount=0.8",
    )
    assert found == pytest.approx(best)


@pytest.mark.parametrize(("kind", "best"), [("sacrifice", 3.0), ("legacy", 3.0)])
def test_what_agents_that_have_left_bring_is_learned(tmp_path, kind, best):
    found = final_return(
        tmp_path / "run",
        "game.environment=test_environments_end_to_end:Leaving",
        f"+game.arguments.kind={kind}",
    )
    assert found == pytest.approx(best)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_in_any_unit_the_same_is_learned(tmp_path, unit):
    world = ["game.environment=odd_worlds:World", "max_local_steps=4", "game.evaluation_every=1"]
    curves = []
    for number, scale in enumerate((1.0, unit)):
        execute(compose(*LEARNING, *world, f"+game.arguments.unit={scale}"), tmp_path / str(number))
        lines = (tmp_path / str(number) / "metrics.jsonl").read_text().splitlines()
        curves.append([json.loads(line)["evaluation_sampled_return"] / scale for line in lines])
    np.testing.assert_allclose(*curves, rtol=0.05)
    assert curves[0][-1] > 5 > curves[0][0]


@pytest.mark.parametrize(("offset", "learned"), [(10, True), (10_000, False)])
def test_a_constant_that_dwarfs_rewards_hides_them(tmp_path, offset, learned):
    """As docs/environments.md has it."""
    execute(
        compose(
            *LEARNING,
            "game.environment=odd_worlds:World",
            f"+game.arguments.offset={offset}",
            "num_seeds=2",
            "game.evaluation_every=10",
            "max_local_steps=10",
        ),
        tmp_path / "run",
    )
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ends = [json.loads(line)["evaluation_sampled_return"] - 10 * offset for line in lines[-2:]]
    assert (np.mean(ends) > 9.8) == learned
    assert (np.mean(ends) < 6.0) != learned


def test_a_name_that_changes_does_not_fill_the_log(tmp_path):
    execute(
        compose(
            *LEARNING,
            "game.environment=odd_worlds:ManyNames",
            "game.copies=2",
            "game.steps=50",
            "game.evaluation_every=3",
            "max_local_steps=3",
        ),
        tmp_path / "run",
    )
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    points = [json.loads(line) for line in lines]
    names = {name for point in points for name in point if name.startswith("info_")}
    assert len(names) == 100
    assert points[-1]["info_always"] == 2.0


def test_an_environment_that_never_ends_is_told_of(tmp_path, caplog):
    execute(
        compose(*LEARNING, "game.environment=odd_worlds:Endless", "max_local_steps=1"),
        tmp_path / "run",
    )
    assert "8 of 8 evaluation episodes were not over after game.evaluation_steps=30" in caplog.text
    assert caplog.text.count("were not over") == 1


def command(*overrides):
    return subprocess.run(
        [sys.executable, "-m", "marl_comm.run", *overrides, *LEARNING, "max_local_steps=2"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        cwd=TESTS.parent,
    )


def test_what_fails_before_it_is_played_leaves_nothing(tmp_path):
    done = command("game.environment=odd_worlds:Exiting", f"hydra.run.dir={tmp_path / 'run'}")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: game.environment=odd_worlds:Exiting: making it has raised sys.exit: no licence"
    ]
    assert not (tmp_path / "run").exists()


def test_code_that_ends_the_program_never_ends_it_well(tmp_path):
    done = command(
        "game.environment=odd_worlds:ExitingQuietly",
        "+game.arguments.where=late",
        f"hydra.run.dir={tmp_path / 'run'}",
    )
    assert done.returncode == 2
    assert "its step has called sys.exit(0)" in done.stderr


def test_in_a_sweep_only_its_own_job_ends(tmp_path):
    done = command(
        "-m",
        "game.environment=odd_worlds:Exiting",
        "+game.arguments.where=make,late,nowhere",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )
    assert done.returncode == 2
    assert len(list(tmp_path.glob("sweep/*/summary.json"))) == 1
    told = [file.read_text() for file in tmp_path.glob("sweep/*/error.txt")]
    assert sorted("making it" in text for text in told) == [False, True]
    assert all("no licence" in text for text in told)
