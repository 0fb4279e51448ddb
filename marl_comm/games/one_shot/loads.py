"""How many of several independently choosing agents meet at each facility."""

from collections.abc import Iterator

import numpy as np

from marl_comm.arrays import Array


def expected_of_others_load(of_load: Array, policy: Array) -> Array:
    """Return E[of_load(k)], k being how many of the others choose the facility, for every agent.

    In O(m^2 A) for all agents together: a forward pass gives the load from the agents before each
    agent, a backward pass the mean of `of_load` on top of such a load, over the agents after it.

    Args:
        of_load: (R, A, m), a figure of each facility for k = 0, ..., m - 1.
        policy: Probabilities, (R, m, A).

    Returns:
        (R, m, A).
    """
    agents = policy.shape[1]
    loads_before = list(load_distributions(policy[:, :-1]))
    expected = np.empty_like(policy)
    # on_top[..., k]: the mean after k earlier agents, over the later ones.
    on_top = of_load
    for agent in reversed(range(agents)):
        expected[:, agent] = (loads_before[agent] * on_top).sum(axis=-1)
        joins = policy[:, agent, :, None]
        on_top = (1.0 - joins) * on_top[..., :-1] + joins * on_top[..., 1:]
    return expected


def none_above(limit: int, policy: Array) -> Array:
    """Return the probability that no facility has more than `limit` agents, given one's choice.

    Loads of different facilities depend on each other, so this follows all loads at once, up to
    the limit: O(m A (limit + 1)^A).

    Args:
        limit: At least 0.
        policy: Probabilities, (R, m, A).

    Returns:
        (R, m, A), given each agent's choice of each facility.
    """
    rows, agents, facilities = policy.shape
    given = np.zeros_like(policy)
    if limit * facilities < agents:
        return given
    loads = (rows,) + (limit + 1,) * facilities
    before = [np.zeros(loads)]
    before[0].reshape(rows, -1)[:, 0] = 1.0
    for agent in range(agents - 1):
        after = np.zeros(loads)
        for facility in range(facilities):
            joins = policy[:, agent, facility].reshape(-1, *(1,) * facilities)
            fuller, emptier = _shifted(facility)
            after[fuller] += joins * before[-1][emptier]
        before.append(after)
    good = np.ones(loads)  # chance that the later agents keep within the limit
    for agent in reversed(range(agents)):
        mean = np.zeros(loads)
        for facility in range(facilities):
            fuller, emptier = _shifted(facility)
            joint = (before[agent][emptier] * good[fuller]).reshape(rows, -1)
            given[:, agent, facility] = joint.sum(axis=-1)
            joins = policy[:, agent, facility].reshape(-1, *(1,) * facilities)
            mean[emptier] += joins * good[fuller]
        good = mean
    return given


def load_distributions(policy: Array) -> Iterator[Array]:
    """Yield the load distributions of the first 0, 1, ..., n agents, each (R, A, load + 1).

    Args:
        policy: Probabilities, (R, n, A).
    """
    rows, agents, actions = policy.shape
    distribution = np.ones((rows, actions, 1))
    yield distribution
    for agent in range(agents):
        joins = policy[:, agent, :, None]
        longer = np.zeros((rows, actions, agent + 2))
        np.multiply(distribution, 1.0 - joins, out=longer[..., :-1])
        longer[..., 1:] += distribution * joins
        distribution = longer
        yield distribution


def _shifted(facility: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the places with one agent more at a facility, and those they come from."""
    others = (slice(None),) * (1 + facility)
    return (*others, slice(1, None)), (*others, slice(None, -1))
