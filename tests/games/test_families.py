"""The two families of difficult games: their definitions, and the rates that they are for."""

import itertools

import enumeration
import numpy as np
import pytest
import worlds

from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.games.one_shot.saddle_chain import SaddleChain
from marl_comm.games.one_shot.unanimous_failure import UnanimousFailure


def failure_reward(game: UnanimousFailure, index: int, joint_action: tuple[int, ...]) -> float:
    failing = game.failing[index].argmax(axis=-1)
    return 0.0 if all(joint_action == failing) else 1.0


def chain_reward(game: SaddleChain, index: int, joint_action: tuple[int, ...]) -> float:
    switched = list(joint_action == game.switch[index].argmax(axis=-1))
    length = [*switched, False].index(False)
    reserves = sum(
        worth for worth, done in zip(game.reserve[index], switched, strict=True) if not done
    )
    return float((length + reserves) / game.agents)


FAMILIES = [(UnanimousFailure, failure_reward), (SaddleChain, chain_reward)]


@pytest.mark.parametrize(("game_class", "reward"), FAMILIES)
def test_rewards_and_exact_figures_equal_the_definition(game_class, reward) -> None:
    game = game_class(4, 3, [5, 6, 7])
    rows = np.array([2, 0])
    policy = enumeration.random_policy((2, 4, 3), seed=1)
    log_policy = enumeration.log_of(policy)
    marginals = game.marginal_rewards(rows, log_policy)
    value = game.value(rows, log_policy)
    every = list(itertools.product(range(3), repeat=4))
    rewards = game.rewards(rows, np.array([every, every], dtype=np.uint8))
    for row, index in enumerate(rows):

        def own_rewards(joint_action, index=index):
            return [reward(game, index, joint_action)] * 4

        assert rewards[row] == pytest.approx([reward(game, index, a) for a in every], abs=1e-15)
        expected = enumeration.marginal_rewards(own_rewards, policy[row])
        assert marginals[row] == pytest.approx(expected, abs=1e-13)
        mean = enumeration.expectation(own_rewards, policy[row])[0]
        assert value[row] == pytest.approx(mean, abs=1e-13)


def gaps(game: PotentialGame, local_steps: int, step_size: float) -> np.ndarray:
    trace = worlds.play(game, seeds=range(1), local_steps=local_steps, step_size=step_size)
    return np.array([step["nash_gap"] for step in trace.of(0)])


@pytest.mark.parametrize("agents", [2, 3, 4])
def test_the_gap_of_unanimous_failure_falls_with_the_predicted_power(agents: int) -> None:
    gap = gaps(UnanimousFailure(agents, 2, [0]), 2000, step_size=2.0)
    slope = np.log(gap[2000] / gap[500]) / np.log(4)
    assert slope == pytest.approx(-agents / (agents - 1), rel=0.05)


def test_the_chain_passes_its_saddle_points_one_after_another() -> None:
    game = SaddleChain(5, 6, [0])
    trace = worlds.play(game, seeds=range(1), local_steps=1500, step_size=2.0)
    switch = game.switch[0].argmax(axis=-1)
    switched = np.array([np.exp(step["policy"])[range(5), switch] for step in trace.of(0)])
    first = [int(np.argmax(column > 0.5)) for column in switched.T]
    assert first == sorted(first)
    waits = np.diff(first)
    assert (waits > 0).all()
    assert (np.diff(waits[:3]) > 0).all()
    # All but the first agent move away from their switch before it pays.
    assert (switched[:, 1:].min(axis=0) < 0.16).all()
    assert trace.of(0)[-1]["nash_gap"] < 1e-3
    between = trace.of(0)[(first[2] + first[3]) // 2]["nash_gap"]
    assert between > 0.1
