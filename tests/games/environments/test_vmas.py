"""VMAS through the adapter: what VMAS itself plays, seeds apart, episodes aligned."""

import numpy as np
import pytest
import torch

from marl_comm.errors import InputError
from marl_comm.games.environments.vmas import VectorisedEnvironments
from marl_comm.randomness import generator

vmas = pytest.importorskip("vmas")


def adapter_of(scenario="simple_spread", *, continuous=False, max_steps=5, copies=3, **arguments):
    randoms = [generator(seed, "environment") for seed in (3, 4)]
    return VectorisedEnvironments(
        scenario,
        arguments,
        randoms,
        copies,
        max_steps=max_steps,
        continuous_actions=continuous,
        device="cpu",
    )


@pytest.mark.parametrize("continuous", [False, True])
def test_steps_are_those_of_vmas(continuous):
    environments = adapter_of(continuous=continuous)
    rows = np.arange(2)
    draw = int(generator(3, "environment").integers(2**31))
    stock = vmas.make_env("simple_spread", 6, max_steps=5, continuous_actions=continuous)
    stock.seed(draw)
    seen = stock.reset()
    random = np.random.default_rng(0)
    for step in range(1, 6):
        situation = environments.situation(rows)
        assert bool(situation.began.all()) == (step == 1)
        for i in range(3):
            expected = seen[i].view(2, 3, -1)
            torch.testing.assert_close(situation.observations[:, i], expected)
        if continuous:
            actions = torch.from_numpy(random.uniform(-1, 1, (2, 3, 3, 2))).float()
            moves = [actions[:, i].reshape(6, 2).clone() for i in range(3)]
        else:
            actions = torch.from_numpy(random.integers(9, size=(2, 3, 3)))
            moves = [actions[:, i].reshape(6, 1).clone() for i in range(3)]
        outcome = environments.step(rows, actions)
        seen, rewards, done, _ = stock.step(moves)
        for i in range(3):
            torch.testing.assert_close(outcome.rewards[:, i], rewards[i].view(2, 3))
        torch.testing.assert_close(outcome.ended, done.view(2, 3))
        assert bool(outcome.ended.all()) == (step == 5)
        assert not outcome.terminated.any()
    assert environments.situation(rows).began.all()


def test_other_seeds_together_begin_anew():
    environments = adapter_of()
    environments.situation(np.arange(2))
    situation = environments.situation(np.array([1]))
    assert situation.observations.shape[:3] == (1, 3, 3)
    assert situation.began.all()
    assert not environments.situation(np.array([1])).began.any()


@pytest.mark.parametrize(
    ("scenario", "arguments", "words"),
    [("no_such_scenario", {}, "game.scenario=no_such_scenario"), ("balance", {"x": 1}, "VMAS")],
)
def test_what_vmas_refuses_is_told_in_one_line(scenario, arguments, words):
    with pytest.raises(InputError, match=words):
        adapter_of(scenario, **arguments)
