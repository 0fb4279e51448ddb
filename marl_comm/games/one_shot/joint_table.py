"""Tables over joint actions: how they are looked up, and averaged under product policies.

einsum without BLAS: a row's sums come out the same to the last bit whatever else is in memory.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray

LARGEST_TABLES = 2 * 2**30
"""Most bytes that the tables of a run may take, all games together."""

_ENTRIES_AT_ONCE = 2**22  # table entries copied at a time


class Scale(NamedTuple):
    """How rewards were before they were scaled to [0, 1]: offset + factor * reward.

    Attributes:
        offset: The least of them, or 0 where they were in [0, 1] already.
        factor: How far the largest was from the least, or 1.
    """

    offset: float
    factor: float

    def arrays(self) -> dict[str, Array]:
        """Return `reward_offset` and `reward_factor`, each of shape (1,)."""
        return {
            "reward_offset": np.array([self.offset]),
            "reward_factor": np.array([self.factor]),
        }


def scaled(tables: Array) -> tuple[Array, Scale]:
    """Return rewards in [0, 1], by one scale for all that differ from that, and the scale.

    Args:
        tables: Finite, of any shape.
    """
    least, most = float(tables.min()), float(tables.max())
    if least >= 0 and most <= 1:
        return tables, Scale(0.0, 1.0)
    scale = Scale(least, (most - least) or 1.0)
    return (tables - scale.offset) / scale.factor, scale


def tables_of_rows(tables: Array, game_of_row: IntArray) -> Iterator[tuple[slice, Array]]:
    """Yield consecutive rows and their flat tables, copying little at a time.

    Args:
        tables: (games, A, ..., A).
        game_of_row: (R,).

    Yields:
        A slice of the rows, and (rows in it, A^m).
    """
    flat = tables.reshape(len(tables), -1)
    step = max(1, _ENTRIES_AT_ONCE // flat.shape[1])
    for start in range(0, len(game_of_row), step):
        part = slice(start, start + step)
        if step == 1:
            yield part, flat[game_of_row[start]][None]  # a view
        else:
            yield part, flat[game_of_row[part]]


def flat_index(joint_actions: AnyArray, actions: int) -> IntArray:
    """Return where joint actions (N, m) stand in a flat table, (N,)."""
    samples, agents = joint_actions.shape
    index = np.zeros(samples, dtype=np.int64)
    for agent in range(agents):
        index *= actions
        index += joint_actions[:, agent]
    return index


def expected(tables: Array, game_of_row: IntArray, policy: Array) -> Array:
    """Return the mean of tables under product policies.

    Args:
        tables: (games, A, ..., A).
        game_of_row: (R,).
        policy: Probabilities, (R, m, A).

    Returns:
        (R,).
    """
    means = np.empty(len(policy))
    for part, flat in tables_of_rows(tables, game_of_row):
        means[part] = average_last_agents(flat, policy[part])[:, 0]
    return means


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
