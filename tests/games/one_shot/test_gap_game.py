"""The game with a chosen suboptimality gap: its definition, and that the gap is what it says."""

import itertools

import enumeration
import numpy as np
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st
from own_reward_checks import check_a_lone_deviation, check_against_enumeration

from marl_comm.games.one_shot.gap import Gap
from marl_comm.games.one_shot.solution import nash_gap

ROW = np.array([0])


def own_rewards(game: Gap, index: int) -> enumeration.OwnRewards:
    """The definition, agent by agent."""
    best, agents = game.best[index], game.agents

    def of(joint_action: tuple[int, ...]) -> list[float]:
        missed = [action != best[agent] for agent, action in enumerate(joint_action)]
        rewards = []
        for agent, action in enumerate(joint_action):
            others = sum(missed) - missed[agent]
            share = others / (agents - 1) if agents > 1 else 0.0
            loses = game.shortfall[index, agent, action] + (1 - game.gap) / 2 * share
            rewards.append(1.0 - loses if missed[agent] else 1.0)
        return rewards

    return of


def potential_of(game: Gap, index: int, joint_action: tuple[int, ...]) -> float:
    """Agents choose one by one, all others being at their best until then."""
    total, best = float(game.agents), list(game.best[index])
    rewards = own_rewards(game, index)
    for agent, action in enumerate(joint_action):
        before = rewards(tuple(best))[agent]
        best[agent] = action
        total += rewards(tuple(best))[agent] - before
    return total


@pytest.mark.parametrize(("agents", "actions", "gap"), [(1, 3, 0.2), (3, 2, 1.0), (4, 3, 0.05)])
def test_exact_figures_equal_enumeration(agents: int, actions: int, gap: float) -> None:
    game = Gap(agents, actions, [5, 6, 7], gap=gap)
    check_against_enumeration(game, own_rewards, potential_of)


@given(
    agents=st.integers(1, 40),
    actions=st.integers(2, 9),
    gap=st.floats(1e-6, 1),
    seed=st.integers(0, 10**6),
)
def test_at_the_equilibrium_every_agents_second_action_is_worse_by_the_gap(
    agents: int, actions: int, gap: float, seed: int
) -> None:
    game = Gap(agents, actions, [seed], gap=gap)
    at_best = enumeration.log_of(np.eye(actions)[game.best])
    marginals = game.marginal_rewards(ROW, at_best)
    best, second = np.sort(marginals[0], axis=-1)[:, [-1, -2]].T
    assert best - second == pytest.approx(np.full(agents, gap), abs=1e-12)
    assert nash_gap(marginals, at_best)[0] == 0.0


@given(data=st.data())
def test_a_lone_deviation_changes_own_reward_and_potential_alike(data: st.DataObject) -> None:
    agents = data.draw(st.integers(1, 5), label="agents")
    actions = data.draw(st.integers(2, 4), label="actions")
    gap = data.draw(st.floats(0.01, 1), label="gap")
    game = Gap(agents, actions, [data.draw(st.integers(0, 99), label="seed")], gap=gap)
    check_a_lone_deviation(game, data)


def test_all_at_their_best_is_the_only_equilibrium() -> None:
    game = Gap(4, 3, [8], gap=0.05)
    found = [
        joint_action
        for joint_action in itertools.product(range(3), repeat=4)
        if enumeration.nash_gap(own_rewards(game, 0), enumeration.pure_policy(joint_action, 3)) == 0
    ]
    assert found == [tuple(game.best[0])]


def test_exact_learning_slows_down_to_the_gap() -> None:
    """The log-odds of best against second rise by the step size times what is at stake."""
    gap, step_size = 0.2, 0.5
    game = Gap(5, 3, [3], gap=gap)
    trace = worlds.play(game, seeds=range(1), local_steps=120, step_size=step_size)
    policies = np.array([step["policy"] for step in trace.of(0)])
    agents, best = np.arange(5), game.best[0]
    second = np.where(np.arange(3) == best[:, None], 9.0, game.shortfall[0]).argmin(axis=-1)
    rises = np.diff(policies[:, agents, best] - policies[:, agents, second], axis=0) / step_size
    misses = 1.0 - np.exp(policies[:-1, agents, best])
    others = (misses.sum(axis=-1, keepdims=True) - misses) / 4
    assert rises == pytest.approx(gap + (1 - gap) / 2 * others, abs=1e-9)
    assert rises[0] == pytest.approx(np.full(5, gap + (1 - gap) / 2 * 2 / 3), abs=1e-9)
    assert rises[-1] == pytest.approx(np.full(5, gap), abs=1e-3)
