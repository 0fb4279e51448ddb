"""Teams of Gymnasium through the adapter of PettingZoo: what the packages themselves play."""

import sys

import gymnasium
import lbforaging  # noqa: F401
import numpy as np
import pytest
import rware  # noqa: F401
import torch

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.runs.session import execute

TEAMS = pytest.mark.parametrize(
    ("package", "environment", "option"),
    [
        ("lbforaging", "Foraging-5x5-2p-1f-v3", "lbf/foraging"),
        ("rware", "rware-tiny-2ag-v2", "rware/warehouse"),
    ],
)


def environments_of(option, environment, *overrides):
    config = compose(f"game={option}", f"game.environment={environment}", *overrides)
    return config.game.environments([np.random.default_rng(3)], 1, "cpu")


@TEAMS
def test_steps_are_those_of_the_package_and_limits_truncate(package, environment, option):
    environments = environments_of(option, environment, "game.max_steps=7")
    stock = gymnasium.make(environment, disable_env_checker=True)
    draws, random, row = np.random.default_rng(3), np.random.default_rng(0), np.zeros(1, int)
    ends = []
    for _ in range(30):
        situation = environments.situation(row)
        if situation.began.all():
            seen, _ = stock.reset(seed=int(draws.integers(2**31)))
            time = 0
        np.testing.assert_allclose(situation.observations[0, :, 0], np.stack(seen))
        actions = random.integers(5, size=2)
        outcome = environments.step(row, torch.from_numpy(actions).view(1, 2, 1))
        seen, rewards, over, _, _ = stock.step(tuple(actions.tolist()))
        time += 1
        np.testing.assert_allclose(outcome.rewards[0, :, 0], rewards)
        assert bool(outcome.terminated) == over
        assert bool(outcome.ended) == (over or time == 7)
        ends.append(time if bool(outcome.ended) else 0)
    assert 7 in ends


@TEAMS
def test_presets_run(tmp_path, package, environment, option):
    execute(
        compose(
            f"game={option}",
            f"game.environment={environment}",
            "game.copies=2",
            "game.steps=5",
            "game.max_steps=5",
            "game.evaluation_copies=1",
            "max_local_steps=2",
            "logger=local",
        ),
        tmp_path / "run",
    )
    assert (tmp_path / "run" / "summary.json").exists()


@TEAMS
def test_what_is_missing_is_told(monkeypatch, package, environment, option):
    with pytest.raises(InputError, match="NameNotFound"):
        environments_of(option, "Nowhere-v3")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "marl_comm.games.environments.gymnasium_teams.installed")
    with pytest.raises(InputError, match=f"{package} is not installed; pip install '{package}"):
        environments_of(option, environment)


@TEAMS
def test_steps_of_an_episode_are_set_in_one_place(package, environment, option):
    for name in ("max_steps", "max_episode_steps"):
        with pytest.raises(InputError, match=f"game.arguments.{name}: set game.max_steps instead"):
            compose(f"game={option}", f"+game.arguments.{name}=3")
