"""The check that a one-shot game's two descriptions are of one game."""

import numpy as np
import pytest

from marl_comm.games.one_shot.agreement import disagreement
from marl_comm.games.one_shot.congestion import Congestion
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.random_potential import RandomPotential
from marl_comm.games.one_shot.saddle_chain import SaddleChain
from marl_comm.games.one_shot.unanimous_failure import UnanimousFailure

GAMES = [Congestion, Coverage, RandomPotential, SaddleChain, UnanimousFailure]


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize(("agents", "actions"), [(2, 2), (4, 3)])
def test_the_packages_games_agree_with_themselves(game, agents, actions) -> None:
    assert disagreement(game(agents, actions, [1, 2])) is None


@pytest.mark.parametrize("game", GAMES)
def test_games_of_other_seeds_are_told_apart_by_row(game, monkeypatch) -> None:
    """Expectations of the first game for every row: what ignoring `rows` comes to."""
    wrong = game(3, 3, [1, 2])
    original = wrong.marginal_rewards
    monkeypatch.setattr(wrong, "marginal_rewards", lambda rows, policy: original(0 * rows, policy))
    assert "in game 1, marginal_rewards() gives" in disagreement(wrong)


def test_expectations_that_are_wrong_for_mixed_policies_only_are_seen(monkeypatch) -> None:
    game = Coverage(4, 3, [0])
    original = game.marginal_rewards

    def of_most_likely(rows, log_policy):
        pure = np.where(log_policy == log_policy.max(axis=-1, keepdims=True), 0.0, -np.inf)
        return original(rows, pure)

    monkeypatch.setattr(game, "marginal_rewards", of_most_likely)
    assert disagreement(game) is not None
