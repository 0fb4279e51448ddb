import itertools
from collections.abc import Sequence

import enumeration
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from marl_comm.arrays import Array
from marl_comm.games.one_shot.solution import nash_gap

MARGINALS = arrays(np.float64, (2, 3, 4), elements=st.floats(-1, 1))
POLICY_WEIGHTS = arrays(np.int64, (2, 3, 4), elements=st.integers(0, 5))


def policy_of(weight: Array) -> Array:
    weight = weight + 6 * np.eye(4)[0]  # some action is always taken
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


@given(marginals=MARGINALS, weight=POLICY_WEIGHTS)
def test_gap_is_the_largest_gain_over_agents_and_pure_deviations(
    marginals: Array, weight: Array
) -> None:
    policy = policy_of(weight)
    gaps = nash_gap(marginals, enumeration.log_of(policy))
    for row in range(2):
        largest = 0.0
        for agent in range(3):
            own_value = sum(policy[row, agent, a] * marginals[row, agent, a] for a in range(4))
            for action in range(4):
                largest = max(largest, marginals[row, agent, action] - own_value)
        assert gaps[row] == pytest.approx(largest, abs=1e-14)


@given(marginals=MARGINALS, weight=POLICY_WEIGHTS)
def test_gap_is_never_negative_and_zero_for_best_responses_only(
    marginals: Array, weight: Array
) -> None:
    policy = policy_of(weight)
    best = marginals == marginals.max(axis=-1, keepdims=True)
    best_response = best / best.sum(axis=-1, keepdims=True)
    assert (nash_gap(marginals, enumeration.log_of(best_response)) == 0).all()
    # A difference below the smallest float, times a probability, may round to zero.
    marginals = np.round(marginals, 6)
    worse_taken = (policy > 0) & (marginals < marginals.max(axis=-1, keepdims=True))
    gaps = nash_gap(marginals, enumeration.log_of(policy))
    assert ((gaps > 0) == worse_taken.any(axis=(1, 2))).all()
    assert (gaps >= 0).all()


def test_the_most_tempted_agent_decides() -> None:
    marginals = np.array([[[0.5, 0.5], [0.0, 1.0], [0.5, 0.0]]])
    policy = np.array([[[0.3, 0.7], [0.25, 0.75], [0.0, 1.0]]])
    # Gains: 0, 1/4, 1/2; then the last agent gives in, then the second.
    assert nash_gap(marginals, enumeration.log_of(policy))[0] == 0.5
    policy[0, 2] = [1.0, 0.0]
    assert nash_gap(marginals, enumeration.log_of(policy))[0] == 0.25
    policy[0, 1] = [0.0, 1.0]
    assert nash_gap(marginals, enumeration.log_of(policy))[0] == 0.0


def test_matching_pennies_has_its_mixed_equilibrium_only() -> None:
    agreement = np.array([[1.0, 0.0], [0.0, 1.0]])

    def gap(first: Sequence[float], second: Sequence[float]) -> float:
        policy = np.array([[first, second]])
        marginals = np.array([[agreement @ second, 1 - agreement.T @ first]])
        return float(nash_gap(marginals, enumeration.log_of(policy))[0])

    assert gap([0.5, 0.5], [0.5, 0.5]) == 0.0
    for first, second in itertools.product(([1, 0], [0, 1]), repeat=2):
        assert gap(first, second) == 1.0
    assert gap([0.75, 0.25], [0.5, 0.5]) == 0.25


def test_tiny_gaps_keep_their_digits() -> None:
    shortfall = 2.0**-40
    marginals = np.array([[[1.0, 1.0 - shortfall]]])
    log_policy = np.log(np.array([[[1 - 1e-6, 1e-6]]]))
    assert nash_gap(marginals, log_policy)[0] == pytest.approx(1e-6 * shortfall, rel=1e-9, abs=0)
