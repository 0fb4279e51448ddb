"""The climbing game and the penalty game: their tables, and equilibria that are known."""

import itertools

import enumeration
import numpy as np
import pytest

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.games.one_shot.claus_boutilier import (
    ClimbingSettings,
    PenaltySettings,
    TwoAgents,
)
from marl_comm.games.one_shot.solution import nash_gap

ROW = np.array([0])


def rules(*overrides: str) -> TwoAgents:
    settings = compose(*overrides).game
    assert isinstance(settings, ClimbingSettings | PenaltySettings)
    return settings.drawn([0])


def unscaled(game: TwoAgents) -> np.ndarray:
    arrays = game.arrays()
    return arrays["reward_offset"] + arrays["reward_factor"] * arrays["payoff"][0]


def gap(game: TwoAgents, policy: np.ndarray) -> float:
    log_policy = enumeration.log_of(policy)[None]
    return float(nash_gap(game.marginal_rewards(ROW, log_policy), log_policy)[0])


def equilibria(game: TwoAgents) -> set[tuple[int, ...]]:
    every = itertools.product(range(3), repeat=2)
    return {a for a in every if gap(game, enumeration.pure_policy(a, 3)) == 0.0}


def test_climbing_has_its_optimum_and_a_lower_equilibrium() -> None:
    game = rules("game=climbing")
    rewards = unscaled(game)
    assert rewards == pytest.approx(np.array([[11, -30, 0], [-30, 7, 6], [0, 0, 5]]), abs=1e-12)
    assert equilibria(game) == {(0, 0), (1, 1)}
    assert (game.payoff.min(), game.payoff.max()) == (0.0, 1.0)
    # From (1, 1), deviating to the optimum's action alone costs 37 of 41.
    log_policy = enumeration.log_of(enumeration.pure_policy((1, 1), 3))[None]
    marginals = game.marginal_rewards(ROW, log_policy)[0, 0] * 41
    assert marginals[1] - marginals[0] == pytest.approx(37)


@pytest.mark.parametrize("penalty", [0.0, 0.5, 10.0, 100.0, 1000.0])
def test_penalty_has_two_optima_and_a_safe_equilibrium(penalty: float) -> None:
    game = rules("game=penalty", f"game.penalty={penalty}")
    k = -penalty
    expected = np.array([[10, 0, k], [0, 2, 0], [k, 0, 10]])
    assert unscaled(game) == pytest.approx(expected, abs=1e-9)
    assert equilibria(game) == {(0, 0), (1, 1), (2, 2)}
    # If each takes both optima as likely, that is an equilibrium of its own while 10 + k >= 0.
    mixed = np.array([[0.5, 0.0, 0.5]] * 2)
    assert (gap(game, mixed) < 1e-15) == (10 + k >= 0)


@pytest.mark.parametrize("game", ["climbing", "penalty"])
@pytest.mark.parametrize("size", ["game.agents=3", "game.actions=2"])
def test_their_sizes_are_given(game: str, size: str) -> None:
    with pytest.raises(InputError) as refusal:
        compose(f"game={game}", size)
    assert size in str(refusal.value)
    assert f"game={game} leaves no choice, leave both out" in str(refusal.value)


def test_exact_figures_equal_enumeration() -> None:
    game = rules("game=penalty", "game.penalty=7")
    policy = enumeration.random_policy((2, 2, 3), seed=3)
    log_policy = enumeration.log_of(policy)
    rows = np.array([4, 1])
    marginals = game.marginal_rewards(rows, log_policy)
    for row in range(2):

        def own(joint_action: tuple[int, ...]) -> list[float]:
            return [float(game.payoff[(0, *joint_action)])] * 2

        expected = enumeration.marginal_rewards(own, policy[row])
        assert marginals[row] == pytest.approx(expected, abs=1e-13)
        assert nash_gap(marginals, log_policy)[row] == pytest.approx(
            enumeration.nash_gap(own, policy[row]), abs=1e-13
        )
