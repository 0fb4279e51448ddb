"""What every one-shot game with own rewards and a potential must pass."""

import itertools
from collections.abc import Callable, Sequence
from functools import partial

import enumeration
import numpy as np
import pytest
from hypothesis import strategies as st

from marl_comm.games.one_shot.rules import OwnRewardsGame

PotentialOf = Callable[[OwnRewardsGame, int, tuple[int, ...]], float]
OwnRewardsOf = Callable[[OwnRewardsGame, int], Callable[[tuple[int, ...]], Sequence[float]]]


def check_against_enumeration(
    game: OwnRewardsGame, own_rewards: OwnRewardsOf, potential_of: PotentialOf
) -> None:
    """Exact figures of the games 2 and 0 of three equal those of listing every joint action."""
    rows, agents, actions = np.array([2, 0]), game.agents, game.actions
    policy = enumeration.random_policy((2, agents, actions), seed=agents)
    log_policy = enumeration.log_of(policy)
    marginals, potentials = (of(rows, log_policy) for of in (game.marginal_rewards, game.potential))
    every = list(itertools.product(range(actions), repeat=agents))
    played = game.rewards(rows, np.array([every, every], dtype=np.uint8))
    assert (played >= 0).all()
    assert (played <= 1).all()
    for row, index in enumerate(rows):
        rewards = own_rewards(game, index)
        expected = enumeration.marginal_rewards(rewards, policy[row])
        potential = enumeration.expectation(partial(potential_of, game, index), policy[row])
        assert marginals[row] == pytest.approx(expected, abs=1e-13)
        assert potentials[row] == pytest.approx(potential, abs=1e-13)
        assert played[row] == pytest.approx(np.array([rewards(a) for a in every]), abs=1e-15)


def check_a_lone_deviation(game: OwnRewardsGame, data: st.DataObject) -> None:
    """An agent that alone changes its action gains what the potential gains."""
    choices = st.lists(st.integers(0, game.actions - 1), min_size=game.agents, max_size=game.agents)
    before = data.draw(choices, label="joint action")
    agent = data.draw(st.integers(0, game.agents - 1), label="deviating agent")
    after = list(before)
    after[agent] = data.draw(st.integers(0, game.actions - 1), label="deviation")
    row = np.array([0])
    rewards = game.rewards(row, np.array([[before, after]]))[0]
    potential = [
        game.potential(row, enumeration.log_of(enumeration.pure_policy(a, game.actions))[None])[0]
        for a in (before, after)
    ]
    own_gain = rewards[1, agent] - rewards[0, agent]
    assert potential[1] - potential[0] == pytest.approx(own_gain, abs=1e-12)
