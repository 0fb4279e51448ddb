"""Averages of tables over joint actions under product policies.

einsum without BLAS: a row's sums come out the same to the last bit whatever else is in memory.
"""

import numpy as np

from marl_comm.arrays import Array


def fill_marginals(tables: Array, policy: Array, marginals: Array) -> None:
    """Average each row's table over all agents but one, for every agent, halving them each time.

    Args:
        tables: (R, A^n), rewards of the joint actions of n agents.
        policy: Probabilities, (R, n, A).
        marginals: (R, n, A), written.
    """
    agents = policy.shape[1]
    if agents == 1:
        marginals[:, 0] = tables
        return
    half = agents // 2
    first = average_last_agents(tables, policy[:, half:])
    fill_marginals(first, policy[:, :half], marginals[:, :half])
    last = average_first_agents(tables, policy[:, :half])
    fill_marginals(last, policy[:, half:], marginals[:, half:])


def average_last_agents(tables: Array, policy: Array) -> Array:
    """Return the (R, -1) tables that remain after averaging over their last agents' policies."""
    rows, agents, actions = policy.shape
    for agent in reversed(range(agents)):
        tables = np.einsum("rxa,ra->rx", tables.reshape(rows, -1, actions), policy[:, agent])
    return tables


def average_first_agents(tables: Array, policy: Array) -> Array:
    """Return the (R, -1) tables that remain after averaging over their first agents' policies."""
    rows, agents, actions = policy.shape
    for agent in range(agents):
        tables = np.einsum("rax,ra->rx", tables.reshape(rows, actions, -1), policy[:, agent])
    return tables
