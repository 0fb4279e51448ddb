"""What all potential games promise."""

import itertools
import tracemalloc
from typing import TypeAlias

import enumeration
import numpy as np
import pygambit
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.one_shot.congestion import Congestion
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.random_potential import RandomPotential
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.games.one_shot.saddle_chain import SaddleChain
from marl_comm.games.one_shot.solution import nash_gap
from marl_comm.games.one_shot.unanimous_failure import UnanimousFailure

GameClass: TypeAlias = (
    type[Coverage]
    | type[Congestion]
    | type[RandomPotential]
    | type[UnanimousFailure]
    | type[SaddleChain]
)

GAMES = (Coverage, Congestion, RandomPotential, UnanimousFailure, SaddleChain)
TABLE_FREE = (Coverage, Congestion, UnanimousFailure, SaddleChain)
ROW = np.array([0])


def everything(
    game: PotentialGame, rows: IntArray, log_policy: Array, joint_actions: AnyArray
) -> list[Array]:
    return [
        game.marginal_rewards(rows, log_policy),
        game.value(rows, log_policy),
        game.potential(rows, log_policy),
        game.rewards(rows, joint_actions),
    ]


@pytest.mark.parametrize("game_class", GAMES)
@pytest.mark.parametrize(("agents", "actions"), [(2, 2), (4, 6), (5, 3)])
def test_a_row_is_bit_identical_whichever_rows_are_beside_it(
    game_class: GameClass, agents: int, actions: int
) -> None:
    seeds = range(20)
    random = np.random.default_rng(0)
    log_policy = enumeration.log_of(enumeration.random_policy((20, agents, actions), seed=1))
    joint_actions = random.integers(0, actions, (20, 50, agents)).astype(np.uint8)
    game = game_class(agents, actions, seeds)
    together = everything(game, np.arange(20), log_policy, joint_actions)
    for rows in [np.array([seed]) for seed in seeds] + [np.array([19, 3, 7]), np.arange(1, 20)]:
        some = everything(game, rows, log_policy[rows], joint_actions[rows])
        for alone, beside in zip(some, together, strict=True):
            assert (alone == beside[rows]).all()
    for seed in seeds:
        one_seed = game_class(agents, actions, [seed])
        row = slice(seed, seed + 1)
        only = everything(one_seed, ROW, log_policy[row], joint_actions[row])
        for alone, beside in zip(only, together, strict=True):
            assert (alone == beside[row]).all()


@pytest.mark.parametrize("game_class", GAMES)
def test_one_shared_game_is_played_by_every_row(game_class: GameClass) -> None:
    log_policy = enumeration.log_of(enumeration.random_policy((4, 3, 3), seed=1))
    joint_actions = np.random.default_rng(0).integers(0, 3, (4, 10, 3))
    shared = everything(game_class(3, 3, [7]), np.array([0, 5, 9, 19]), log_policy, joint_actions)
    copies = everything(game_class(3, 3, [7] * 4), np.arange(4), log_policy, joint_actions)
    for one, other in zip(shared, copies, strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("game_class", GAMES)
def test_the_draw_of_a_seed_does_not_depend_on_the_other_seeds(game_class: GameClass) -> None:
    alone = game_class(4, 3, [7]).arrays()
    among = game_class(4, 3, range(20)).arrays()
    for name, array in alone.items():
        assert array.shape[0] == 1
        assert among[name].shape[0] == 20
        assert (array[0] == among[name][7]).all()
        assert (among[name][7] != among[name][8]).any()


@pytest.mark.parametrize("game_class", GAMES)
def test_rewards_are_between_0_and_1(game_class: GameClass) -> None:
    game = game_class(4, 3, range(20))
    every = np.array(list(itertools.product(range(3), repeat=4)))
    rewards = game.rewards(np.arange(20), np.broadcast_to(every, (20, *every.shape)))
    assert game.common_reward == (rewards.ndim == 2)
    assert rewards.min() >= 0
    assert rewards.max() <= 1


@pytest.mark.parametrize("game_class", GAMES)
@given(seed=st.integers(0, 10**6))
def test_a_deviation_to_a_mixed_policy_changes_own_value_and_potential_alike(
    game_class: GameClass, seed: int
) -> None:
    game = game_class(4, 3, [seed])
    random = np.random.default_rng(seed)
    agent = random.integers(4)
    before = enumeration.random_policy((1, 4, 3), seed)
    after = before.copy()
    after[:, agent] = random.dirichlet(np.ones(3))
    marginal = game.marginal_rewards(ROW, enumeration.log_of(before))[0, agent]
    own_gain = marginal @ (after - before)[0, agent]
    gain = game.potential(ROW, enumeration.log_of(after)) - game.potential(
        ROW, enumeration.log_of(before)
    )
    assert gain[0] == pytest.approx(own_gain, abs=1e-12)


def own_rewards(game: PotentialGame) -> enumeration.OwnRewards:
    def of(joint_action: tuple[int, ...]) -> list[float]:
        rewards = game.rewards(ROW, np.array([[joint_action]]))[0, 0]
        return list(np.broadcast_to(rewards, game.agents))

    return of


@pytest.mark.parametrize("game_class", GAMES)
@pytest.mark.parametrize(("agents", "actions"), [(2, 4), (3, 3), (4, 2)])
def test_pygambit_agrees_on_regret_action_values_and_value(
    game_class: GameClass, agents: int, actions: int
) -> None:
    for seed in range(5):
        game = game_class(agents, actions, [seed])
        policy = enumeration.random_policy((agents, actions), seed)
        log_policy = enumeration.log_of(policy)[None]
        marginals = game.marginal_rewards(ROW, log_policy)
        other = enumeration.gambit_game(own_rewards(game), agents, actions)
        profile = other.mixed_strategy_profile(data=policy.tolist())
        strategy_values = [
            [profile.strategy_value(strategy) for strategy in player.strategies]
            for player in other.players
        ]
        payoffs = [profile.payoff(player) for player in other.players]
        assert marginals[0] == pytest.approx(np.array(strategy_values), abs=1e-13)
        assert nash_gap(marginals, log_policy)[0] == pytest.approx(profile.max_regret(), abs=1e-13)
        assert game.value(ROW, log_policy)[0] == pytest.approx(np.mean(payoffs), abs=1e-13)


@pytest.mark.parametrize("game_class", GAMES)
def test_pygambit_finds_the_same_pure_equilibria(game_class: GameClass) -> None:
    agents, actions = 3, 3
    every = list(itertools.product(range(actions), repeat=agents))
    policies = np.array([enumeration.pure_policy(a, actions) for a in every])
    for seed in range(5):
        game = game_class(agents, actions, [seed])
        log_policy = enumeration.log_of(policies)
        rows = np.zeros(len(every), dtype=np.int64)
        gaps = nash_gap(game.marginal_rewards(rows, log_policy), log_policy)
        ours = {a for a, gap in zip(every, gaps, strict=True) if gap <= 1e-12}
        other = enumeration.gambit_game(own_rewards(game), agents, actions)
        theirs = {
            tuple(
                [equilibrium[strategy] for strategy in player.strategies].index(1)
                for player in other.players
            )
            for equilibrium in pygambit.nash.enumpure_solve(other).equilibria
        }
        assert ours == theirs
        assert 0 < len(ours) < len(every)


@pytest.mark.parametrize("game_class", TABLE_FREE)
def test_at_100_agents_marginals_are_the_rewards_of_all_deviations(game_class: GameClass) -> None:
    agents, actions = 100, 20
    game = game_class(agents, actions, [3])
    joint_action = np.random.default_rng(0).integers(0, actions, agents)
    deviations = np.repeat(joint_action[None], agents * actions, axis=0)
    deviating = np.repeat(np.arange(agents), actions)
    deviations[np.arange(agents * actions), deviating] = np.tile(np.arange(actions), agents)
    rewards = game.rewards(ROW, deviations[None])[0]
    own = rewards if game.common_reward else rewards[np.arange(len(rewards)), deviating]
    log_policy = enumeration.log_of(enumeration.pure_policy(joint_action.tolist(), actions))
    marginals = game.marginal_rewards(ROW, log_policy[None])[0]
    assert marginals == pytest.approx(own.reshape(agents, actions), abs=1e-12)


@pytest.mark.parametrize("game_class", TABLE_FREE)
def test_at_100_agents_value_is_the_mean_of_own_values(game_class: GameClass) -> None:
    game = game_class(100, 20, [3, 4])
    policy = enumeration.random_policy((2, 100, 20), seed=0)
    log_policy = enumeration.log_of(policy)
    own_values = (policy * game.marginal_rewards(np.arange(2), log_policy)).sum(axis=-1)
    value = game.value(np.arange(2), log_policy)
    assert value == pytest.approx(own_values.mean(axis=-1), abs=1e-12)
    if game.common_reward:
        assert own_values == pytest.approx(np.repeat(value[:, None], 100, axis=1), abs=1e-12)


@pytest.mark.parametrize("game_class", TABLE_FREE)
def test_100_agents_20_actions_and_20_seeds_need_little_memory(game_class: GameClass) -> None:
    random = np.random.default_rng(0)
    rows = np.arange(20)
    log_policy = np.log(random.dirichlet(np.ones(20), (20, 100)))
    joint_actions = random.integers(0, 20, (20, 1000, 100), dtype=np.uint8)
    tracemalloc.start()
    try:
        game = game_class(100, 20, range(20))
        everything(game, rows, log_policy, joint_actions)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20
