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


def test_rewards_that_are_wrong_in_the_integers_of_a_run_only_are_seen() -> None:
    """One below two is the largest unsigned integer, and clipped it is 1 in place of 0."""

    class Surplus(Coverage):
        def rewards(self, rows, joint_actions):
            return np.clip(joint_actions.sum(axis=-1) - 2, 0, 1).astype(np.float64)

        def marginal_rewards(self, rows, log_policy):
            count = log_policy.shape[1]
            many = np.array(list(np.ndindex(*(2,) * (count - 1))))
            found = np.zeros_like(log_policy)
            for agent in range(count):
                others = np.delete(np.exp(log_policy), agent, axis=1)
                likely = np.take_along_axis(others[:, None], many[None, ..., None], axis=3)
                for action in range(2):
                    reward = (many.sum(axis=1) + action > 2).astype(np.float64)
                    found[:, agent, action] = likely[..., 0].prod(axis=2) @ reward
            return found

    class Converted(Surplus):
        def rewards(self, rows, joint_actions):
            return super().rewards(rows, joint_actions.astype(np.int64))

    assert disagreement(Surplus(4, 2, [0])) is not None
    assert disagreement(Converted(4, 2, [0])) is None
