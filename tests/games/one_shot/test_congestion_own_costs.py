"""Congestion in which a resource also costs each agent something of its own."""

import itertools

import enumeration
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_reward_checks import check_a_lone_deviation, check_against_enumeration

from marl_comm.games.one_shot.congestion import Congestion
from marl_comm.games.one_shot.solution import nash_gap

ROW = np.array([0])


def own_rewards(game: Congestion, index: int) -> enumeration.OwnRewards:
    """The definition: the resource's cost at its load, and what it costs this agent."""
    assert game.own_costs is not None
    own = game.own_costs[index]

    def of(joint_action: tuple[int, ...]) -> list[float]:
        return [
            1.0 - game.costs[index, f, joint_action.count(f) - 1] - own[agent, f]
            for agent, f in enumerate(joint_action)
        ]

    return of


def potential_of(game: Congestion, index: int, joint_action: tuple[int, ...]) -> float:
    """Agents arrive one by one; each adds its reward at the load it meets."""
    assert game.own_costs is not None
    total, loads = 0.0, [0] * game.actions
    for agent, f in enumerate(joint_action):
        total += 1.0 - game.costs[index, f, loads[f]] - game.own_costs[index, agent, f]
        loads[f] += 1
    return total


def game_of(costs: list[list[float]], own_costs: list[list[float]]) -> Congestion:
    game = Congestion(len(costs[0]), len(costs), [0], own_costs=0.5)
    game.costs, game.own_costs = np.array([costs]), np.array([own_costs])
    return game


def gap(game: Congestion, joint_action: tuple[int, ...]) -> float:
    log_policy = enumeration.log_of(enumeration.pure_policy(joint_action, game.actions))[None]
    return float(nash_gap(game.marginal_rewards(ROW, log_policy), log_policy)[0])


@pytest.mark.parametrize(("agents", "actions"), [(1, 3), (3, 2), (4, 3)])
def test_exact_figures_equal_enumeration(agents: int, actions: int) -> None:
    game = Congestion(agents, actions, [5, 6, 7], own_costs=0.4)
    check_against_enumeration(game, own_rewards, potential_of)


@given(data=st.data())
def test_a_lone_deviation_changes_own_reward_and_potential_alike(data: st.DataObject) -> None:
    agents = data.draw(st.integers(1, 5), label="agents")
    actions = data.draw(st.integers(2, 4), label="actions")
    share = data.draw(st.floats(0.01, 1), label="own costs")
    game = Congestion(
        agents, actions, [data.draw(st.integers(0, 99), label="seed")], own_costs=share
    )
    check_a_lone_deviation(game, data)


def test_agents_that_like_different_resources_part_and_alike_ones_need_not() -> None:
    # Sharing costs 0.5 beyond 0.1. Whoever is not at home pays 0.3: too much to be driven out.
    costs = [[0.1, 0.5], [0.1, 0.5]]
    different = game_of(costs, [[0.0, 0.3], [0.3, 0.0]])
    assert gap(different, (0, 1)) == 0.0
    assert gap(different, (0, 0)) == pytest.approx(0.7)
    # Both swapped: each pays 0.4 and would pay 0.5 at home beside the other.
    assert gap(different, (1, 0)) == 0.0
    # With 0.5 at stake home is dominant, and the swap no equilibrium.
    assert gap(game_of(costs, [[0.0, 0.5], [0.5, 0.0]]), (1, 0)) == pytest.approx(0.1)


def test_the_pure_equilibria_are_the_tops_of_the_potential() -> None:
    game = Congestion(4, 3, [3], own_costs=0.5)
    for joint_action in itertools.product(range(3), repeat=4):
        here = potential_of(game, 0, joint_action)
        around = [
            potential_of(game, 0, (*joint_action[:agent], other, *joint_action[agent + 1 :]))
            for agent in range(4)
            for other in range(3)
        ]
        assert (gap(game, joint_action) <= 1e-12) == (max(around) <= here + 1e-12)


def test_without_own_costs_it_is_the_game_that_it_was() -> None:
    alike, same = Congestion(5, 3, [1, 2], own_costs=0.0), Congestion(5, 3, [1, 2], own_costs=0.5)
    assert alike.own_costs is None
    assert set(alike.arrays()) == {"costs"}
    np.testing.assert_array_equal(same.costs, 0.5 * alike.costs)  # the same draw, before own costs
