"""The check that a Markov game computes what it plays.

A right game is called wrong with a probability below 1e-9; what is drawn is the same at each call.
"""

import numpy as np
import pytest

from marl_comm.games.over_time.agreement import disagreement
from marl_comm.games.over_time.climbing_chain import ClimbingChain
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.random_markov import RandomMarkov

GAMES = [
    lambda: RandomMarkov(3, 3, 5, 4, [1, 2]),
    lambda: MarkovCongestion(4, [1.0, 2.0, 3.0], 0.5, 0.9, 4),
    lambda: ClimbingChain(3, 3, 4, 4, 0.5),
]


@pytest.mark.parametrize("made", GAMES)
def test_the_packages_games_agree_with_themselves(made) -> None:
    assert disagreement(made()) is None


def test_expectations_of_another_game_are_seen(monkeypatch) -> None:
    game = GAMES[0]()
    original = game.induced
    monkeypatch.setattr(game, "induced", lambda rows, policy: original(0 * rows, policy))
    assert "game 1" in disagreement(game)


@pytest.mark.parametrize("made", GAMES)
def test_rewards_that_are_computed_too_large_are_seen(made, monkeypatch) -> None:
    game = made()
    original = game.induced

    def larger(rows, policy):
        rewards, following = original(rows, policy)
        return rewards + 0.02, following

    monkeypatch.setattr(game, "induced", larger)
    assert "induced() gives rewards" in disagreement(game)


@pytest.mark.parametrize("made", GAMES)
def test_next_states_of_another_state_are_seen(made, monkeypatch) -> None:
    game = made()
    original = game.move

    def elsewhere(rows, states, joint_actions, uniform):
        rewards, following = original(rows, states, joint_actions, uniform)
        return rewards, (following + 1) % game.states

    monkeypatch.setattr(game, "move", elsewhere)
    assert "induced() gives next states" in disagreement(game)


def test_transitions_that_forget_the_policy_are_seen(monkeypatch) -> None:
    game = GAMES[0]()
    even = np.full((2, game.states, game.states), 1 / game.states)
    monkeypatch.setattr(game, "transitions", lambda rows, policy: even)
    assert "transitions() gives" in disagreement(game)


def test_a_reward_that_chance_hardly_ever_gives_is_no_disagreement(monkeypatch) -> None:
    game = GAMES[0]()
    computed, played = game.induced, game.move

    def with_jackpot(rows, states, joint_actions, uniform):
        rewards, following = played(rows, states, joint_actions, uniform)
        return np.where(uniform < 1e-5, 1.0, rewards), following

    def expected(rows, policy):
        rewards, following = computed(rows, policy)
        return rewards + 1e-5 * (1 - rewards), following

    monkeypatch.setattr(game, "move", with_jackpot)
    monkeypatch.setattr(game, "induced", expected)
    assert disagreement(game) is None
