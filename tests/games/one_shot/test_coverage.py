import itertools
from collections.abc import Callable
from typing import Any

import enumeration
import numpy as np
import pytest

from marl_comm.arrays import Array
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.solution import nash_gap

NO_ROUNDING = 1e-13


def own_rewards(game: Coverage, index: int) -> enumeration.OwnRewards:
    """The definition: a target's value is lost only if all agents aiming at it miss."""

    def of(joint_action: tuple[int, ...]) -> list[float]:
        reward = 0.0
        for target in range(game.actions):
            survival = 1.0
            for agent, action in enumerate(joint_action):
                if action == target:
                    survival *= 1.0 - game.hit_probability[index, agent, target]
            reward += game.target_value[index, target] * (1.0 - survival)
        return [reward] * game.agents

    return of


def game_of(target_value: list[float], hit_probability: list[list[float]]) -> Coverage:
    game = Coverage(len(hit_probability), len(target_value), [0])
    game.target_value = np.array([target_value])
    game.hit_probability = np.array([hit_probability])
    return game


def gap(game: Coverage, policy: Array) -> float:
    rows = np.array([0])
    log_policy = enumeration.log_of(policy)[None]
    return float(nash_gap(game.marginal_rewards(rows, log_policy), log_policy)[0])


def with_sure_hits_and_misses(game: Coverage) -> Coverage:
    """Make some hits certain and some impossible, several of them at one target."""
    game.hit_probability[:, :2, 0] = 1.0
    game.hit_probability[:, 1:, 1] = 0.0
    game.hit_probability[:, -1, 2] = 1.0
    return game


@pytest.mark.parametrize("agents", [2, 4])
@pytest.mark.parametrize("adjust", [lambda game: game, with_sure_hits_and_misses])
def test_exact_figures_equal_enumeration(
    agents: int, adjust: Callable[[Coverage], Coverage]
) -> None:
    game = adjust(Coverage(agents, 3, [5, 6, 7]))
    rows = np.array([2, 0])
    policy = enumeration.random_policy((2, agents, 3), seed=agents)
    policy[0, :2] = [1.0, 0.0, 0.0]  # with sure hits, two factors of the survival are 0
    log_policy = enumeration.log_of(policy)
    marginals = game.marginal_rewards(rows, log_policy)
    for row, index in enumerate(rows):
        rewards = own_rewards(game, index)
        expected = enumeration.marginal_rewards(rewards, policy[row])
        value = enumeration.expectation(rewards, policy[row])[0]
        assert marginals[row] == pytest.approx(expected, abs=NO_ROUNDING)
        assert game.value(rows, log_policy)[row] == pytest.approx(value, abs=NO_ROUNDING)
        assert game.potential(rows, log_policy)[row] == pytest.approx(value, abs=NO_ROUNDING)
        expected_gap = enumeration.nash_gap(rewards, policy[row])
        assert nash_gap(marginals, log_policy)[row] == pytest.approx(expected_gap, abs=NO_ROUNDING)


@pytest.mark.parametrize("integer_type", [np.uint8, np.int64])
def test_rewards_equal_the_definition(integer_type: type[np.integer[Any]]) -> None:
    game = with_sure_hits_and_misses(Coverage(4, 3, [1, 2]))
    every = np.array(list(itertools.product(range(3), repeat=4)))
    joint_actions = np.stack([every, every[::-1]]).astype(integer_type)
    rewards = game.rewards(np.array([1, 0]), joint_actions)
    assert rewards.shape == (2, 81)
    for row, index in enumerate([1, 0]):
        for sample in range(81):
            expected = own_rewards(game, index)(tuple(joint_actions[row, sample]))[0]
            assert rewards[row, sample] == pytest.approx(expected, abs=NO_ROUNDING)


def test_rewards_read_more_than_256_positions_from_small_integers() -> None:
    game = Coverage(3, 200, [0])
    joint_actions = np.array([[[199, 199, 0], [7, 8, 199]]], dtype=np.uint8)
    rewards = game.rewards(np.array([0]), joint_actions)[0]
    for reward, joint_action in zip(rewards, joint_actions[0], strict=True):
        assert reward == pytest.approx(own_rewards(game, 0)(tuple(joint_action))[0])


def test_certain_hits_take_everything_and_impossible_ones_nothing() -> None:
    game = game_of([0.25, 0.75], [[1.0, 0.0], [1.0, 0.0]])
    rows = np.array([0])
    log_policy = enumeration.log_of(np.array([[[0.5, 0.5], [0.25, 0.75]]]))
    joint_actions = np.array([[[0, 0], [0, 1], [1, 0], [1, 1]]])
    assert game.rewards(rows, joint_actions).tolist() == [[0.25, 0.25, 0.25, 0.0]]
    assert game.marginal_rewards(rows, log_policy).tolist() == [[[0.25, 0.0625], [0.25, 0.125]]]
    assert game.value(rows, log_policy).tolist() == [0.25 * (1 - 0.5 * 0.75)]


def test_sharing_out_two_equal_targets_is_an_equilibrium_and_crowding_one_is_not() -> None:
    game = game_of([0.5, 0.5], [[1.0, 1.0], [1.0, 1.0]])
    assert gap(game, enumeration.pure_policy([0, 1], 2)) == 0.0
    assert gap(game, enumeration.pure_policy([1, 0], 2)) == 0.0
    assert gap(game, np.full((2, 2), 0.5)) == 0.0
    assert gap(game, enumeration.pure_policy([1, 1], 2)) == 0.5


def test_more_than_one_agent_at_the_only_target_of_value_is_an_equilibrium() -> None:
    game = game_of([1.0, 0.0], [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    assert gap(game, enumeration.pure_policy([0, 0, 0], 2)) == 0.0
    # The strayed agent would hit with 1/2 what the two others miss with 1/4.
    assert gap(game, enumeration.pure_policy([0, 1, 0], 2)) == 0.125


def test_draw_is_what_the_documentation_says() -> None:
    game = Coverage(12, 6, range(50))
    assert game.target_value.sum(axis=-1) == pytest.approx(np.ones(50))
    assert game.target_value.min() > 0
    assert 0.2 <= game.hit_probability.min() < 0.21
    assert 0.89 < game.hit_probability.max() < 0.9
    assert game.hit_probability.mean() == pytest.approx(0.55, abs=0.01)
    # The games differ.
    assert len(np.unique(game.hit_probability[:, 0, 0])) == 50
