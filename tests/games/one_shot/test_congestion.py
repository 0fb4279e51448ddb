import itertools
from functools import partial
from typing import Any

import enumeration
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from own_reward_checks import check_a_lone_deviation

from marl_comm.arrays import Array
from marl_comm.games.one_shot.congestion import Congestion
from marl_comm.games.one_shot.solution import nash_gap

NO_ROUNDING = 1e-13
ROW = np.array([0])


def own_rewards(game: Congestion, index: int) -> enumeration.OwnRewards:
    """The definition: everyone on a resource pays its cost at the resource's load."""

    def of(joint_action: tuple[int, ...]) -> list[float]:
        return [
            1.0 - game.costs[index, resource, joint_action.count(resource) - 1]
            for resource in joint_action
        ]

    return of


def rosenthal_potential(game: Congestion, index: int, joint_action: tuple[int, ...]) -> float:
    """Agents arrive one by one; each adds its reward at the load it meets."""
    total = 0.0
    loads = [0] * game.actions
    for resource in joint_action:
        total += 1.0 - game.costs[index, resource, loads[resource]]
        loads[resource] += 1
    return total


def game_of(costs: Array) -> Congestion:
    resources, agents = costs.shape
    game = Congestion(agents, resources, [0])
    game.costs = costs[None]
    return game


def gap(game: Congestion, policy: Array) -> float:
    log_policy = enumeration.log_of(policy)[None]
    return float(nash_gap(game.marginal_rewards(ROW, log_policy), log_policy)[0])


@pytest.mark.parametrize(("agents", "actions"), [(2, 3), (3, 2), (4, 3)])
def test_exact_figures_equal_enumeration(agents: int, actions: int) -> None:
    game = Congestion(agents, actions, [5, 6, 7])
    rows = np.array([2, 0])
    policy = enumeration.random_policy((2, agents, actions), seed=agents)
    log_policy = enumeration.log_of(policy)
    marginals = game.marginal_rewards(rows, log_policy)
    values = game.value(rows, log_policy)
    potentials = game.potential(rows, log_policy)
    gaps = nash_gap(marginals, log_policy)
    for row, index in enumerate(rows):
        rewards = own_rewards(game, index)
        expected = enumeration.marginal_rewards(rewards, policy[row])
        value = enumeration.expectation(rewards, policy[row]).mean()
        potential = enumeration.expectation(partial(rosenthal_potential, game, index), policy[row])
        assert marginals[row] == pytest.approx(expected, abs=NO_ROUNDING)
        assert values[row] == pytest.approx(value, abs=NO_ROUNDING)
        assert potentials[row] == pytest.approx(potential, abs=NO_ROUNDING)
        expected_gap = enumeration.nash_gap(rewards, policy[row])
        assert gaps[row] == pytest.approx(expected_gap, abs=NO_ROUNDING)


@pytest.mark.parametrize("integer_type", [np.uint8, np.int64])
def test_rewards_equal_the_definition(integer_type: type[np.integer[Any]]) -> None:
    game = Congestion(4, 3, [1, 2])
    every = np.array(list(itertools.product(range(3), repeat=4)))
    joint_actions = np.stack([every, every[::-1]]).astype(integer_type)
    rewards = game.rewards(np.array([1, 0]), joint_actions)
    assert rewards.shape == (2, 81, 4)
    for row, index in enumerate([1, 0]):
        for sample in range(81):
            expected = own_rewards(game, index)(tuple(joint_actions[row, sample]))
            assert rewards[row, sample].tolist() == expected


def test_rewards_read_more_than_256_positions_from_small_integers() -> None:
    game = Congestion(3, 200, [0])
    joint_actions = np.array([[[199, 199, 0], [7, 8, 199]]], dtype=np.uint8)
    rewards = game.rewards(ROW, joint_actions)[0]
    for reward, joint_action in zip(rewards, joint_actions[0], strict=True):
        assert reward.tolist() == own_rewards(game, 0)(tuple(joint_action))


@given(data=st.data())
def test_a_lone_deviation_changes_own_reward_and_potential_alike(data: st.DataObject) -> None:
    agents = data.draw(st.integers(2, 5), label="agents")
    actions = data.draw(st.integers(2, 4), label="actions")
    cost = st.floats(0, 1, allow_subnormal=False)
    game = game_of(data.draw(arrays(np.float64, (actions, agents), elements=cost), label="costs"))
    check_a_lone_deviation(game, data)


def test_equal_loads_on_equal_resources_are_an_equilibrium_and_crowding_is_not() -> None:
    game = game_of(np.array([[0.0, 0.25, 0.5, 1.0]] * 2))
    assert gap(game, enumeration.pure_policy([0, 1, 1, 0], 2)) == 0.0
    assert gap(game, np.full((4, 2), 0.5)) == 0.0
    assert gap(game, enumeration.pure_policy([0, 0, 0, 0], 2)) == 1.0
    assert gap(game, enumeration.pure_policy([0, 1, 0, 0], 2)) == 0.25


def test_a_road_that_fills_up_beside_one_that_does_not() -> None:
    # A road of cost load/2 beside one of cost 3/4: alone on it or both, nobody gains by moving.
    game = game_of(np.array([[0.5, 1.0], [0.75, 0.75]]))
    assert gap(game, enumeration.pure_policy([0, 1], 2)) == 0.0
    assert gap(game, enumeration.pure_policy([0, 0], 2)) == 0.25
    # Mixed: taking the road with 1/2 makes it cost 3/4, as much as the other.
    assert gap(game, np.full((2, 2), 0.5)) == 0.0


def test_draw_is_what_the_documentation_says() -> None:
    game = Congestion(8, 4, range(50))
    assert (np.diff(game.costs, axis=-1) > 0).all()
    assert 0 <= game.costs.min() < 0.01
    assert 0.99 < game.costs.max() < 1
    # Order statistics of 8 uniform draws have means 1/9, ..., 8/9; 200 resources are drawn.
    assert game.costs.mean(axis=(0, 1)) == pytest.approx(np.arange(1, 9) / 9, abs=0.05)
    # The games differ.
    assert len(np.unique(game.costs[:, 0, 0])) == 50
