"""Exact solution concepts of games with product policies."""

import numpy as np

from marl_comm.arrays import Array


def nash_gap(marginal_rewards: Array, log_policy: Array) -> Array:
    """Return how much the most tempted agent gains by deviating alone.

    gap = max_i [ max_a g_i(a) - sum_a pi_i(a) g_i(a) ], zero exactly at a Nash equilibrium.

    Args:
        marginal_rewards: g, (rows, agents, actions), expected own reward of each action.
        log_policy: (rows, agents, actions), log-probabilities.

    Returns:
        (rows,), in units of reward, never negative.
    """
    best = marginal_rewards.max(axis=-1, keepdims=True)
    # Summing the shortfall of each action keeps tiny gaps free of cancellation.
    regret = (np.exp(log_policy) * (best - marginal_rewards)).sum(axis=-1)
    return np.asarray(regret.max(axis=-1))
