import itertools
import tracemalloc
from typing import Any

import enumeration
import numpy as np
import pytest
from scipy import stats

from marl_comm.arrays import Array
from marl_comm.errors import InputError
from marl_comm.games.one_shot import joint_table, random_potential
from marl_comm.games.one_shot.random_potential import RandomPotential
from marl_comm.games.one_shot.solution import nash_gap

NO_ROUNDING = 1e-13
ROW = np.array([0])


def own_rewards(game: RandomPotential, index: int) -> enumeration.OwnRewards:
    def of(joint_action: tuple[int, ...]) -> list[float]:
        return [float(game.payoff[(index, *joint_action)])] * game.agents

    return of


def gap(game: RandomPotential, policy: Array) -> float:
    log_policy = enumeration.log_of(policy)[None]
    return float(nash_gap(game.marginal_rewards(ROW, log_policy), log_policy)[0])


@pytest.mark.parametrize(("agents", "actions"), [(2, 3), (3, 2), (4, 3), (5, 2)])
def test_exact_figures_equal_enumeration(agents: int, actions: int) -> None:
    game = RandomPotential(agents, actions, [5, 6, 7])
    rows = np.array([2, 0])
    policy = enumeration.random_policy((2, agents, actions), seed=agents)
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
def test_rewards_are_entries_of_the_payoff(integer_type: type[np.integer[Any]]) -> None:
    game = RandomPotential(4, 5, [1, 2])
    every = np.array(list(itertools.product(range(5), repeat=4)))
    joint_actions = np.stack([every, every[::-1]]).astype(integer_type)
    rewards = game.rewards(np.array([1, 0]), joint_actions)
    for row, index in enumerate([1, 0]):
        expected = [own_rewards(game, index)(tuple(a))[0] for a in joint_actions[row]]
        assert rewards[row].tolist() == expected


def test_both_coordinations_are_equilibria_and_so_is_the_mixture_between_them() -> None:
    game = RandomPotential(2, 2, [0])
    game.payoff = np.array([[[1.0, 0.0], [0.0, 0.5]]])
    assert gap(game, enumeration.pure_policy([0, 0], 2)) == 0.0
    assert gap(game, enumeration.pure_policy([1, 1], 2)) == 0.0
    assert gap(game, np.array([[1 / 3, 2 / 3]] * 2)) == pytest.approx(0.0, abs=1e-15)
    assert gap(game, enumeration.pure_policy([0, 1], 2)) == 1.0


def test_payoffs_are_independent_uniform_draws() -> None:
    payoff = RandomPotential(4, 6, range(20)).payoff
    assert payoff.shape == (20, 6, 6, 6, 6)
    # Fixed seeds: a correct draw fails each of these with probability 1e-3, once and for all.
    assert stats.kstest(payoff.ravel(), "uniform").pvalue > 1e-3
    assert stats.pearsonr(payoff[0].ravel(), payoff[1].ravel()).pvalue > 1e-3


@pytest.mark.parametrize("entries_at_once", [1, 2 * 3**4])
def test_working_through_the_rows_in_parts_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, entries_at_once: int
) -> None:
    game = RandomPotential(4, 3, range(5))
    rows = np.array([4, 0, 1, 3, 2])
    log_policy = enumeration.log_of(enumeration.random_policy((5, 4, 3), seed=0))
    marginals = game.marginal_rewards(rows, log_policy)
    value = game.value(rows, log_policy)
    monkeypatch.setattr(joint_table, "_ENTRIES_AT_ONCE", entries_at_once)
    assert (game.marginal_rewards(rows, log_policy) == marginals).all()
    assert (game.value(rows, log_policy) == value).all()


@pytest.mark.parametrize(
    ("agents", "actions", "games", "estimate", "fits"),
    [
        (100, 20, 20, "1.89e+123 GiB", "at most 5 agents fit"),
        (10, 10, 1, "74.5 GiB", "at most 8 agents fit"),
        (4, 100, 3, "2.24 GiB", "at most 3 agents fit"),
        (2, 20000, 1, "2.98 GiB", "no two agents fit"),
        (29, 2, 1, "4 GiB", "at most 28 agents fit"),
    ],
)
def test_too_large_a_table_is_refused_before_it_is_allocated(
    agents: int, actions: int, games: int, estimate: str, fits: str
) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as refusal:
            RandomPotential(agents, actions, range(games))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    message = str(refusal.value)
    assert peak < 2**20
    assert "\n" not in message
    for part in (f"game.agents={agents}", f"game.actions={actions}", estimate, fits, "coverage"):
        assert part in message


def test_the_largest_allowed_table_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_potential, "LARGEST_TABLES", 8 * 3 * 5**2)
    RandomPotential(2, 5, range(3))
    with pytest.raises(InputError):
        RandomPotential(2, 5, range(4))
