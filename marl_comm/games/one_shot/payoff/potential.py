"""Whether a table of payoffs is that of a potential game.

Monderer & Shapley, "Potential games" (1996): P is an exact potential if whoever deviates alone
changes it by the change of the own payoff. It exists if and only if the gains of those who deviate
add up to 0 round every cycle of deviations, and is unique up to a constant.
"""

import numpy as np

from marl_comm.arrays import Array

ROUNDING = 1e-9
"""Payoffs in [0, 1] that fit a potential to within this are taken for rounded ones."""


def exact_potential(payoffs: Array) -> tuple[Array | None, float]:
    """Return the exact potential of a game, if there is one, and what tells that there is none.

    The candidate adds up the gains of the agents on the way from all first actions to a joint
    action, one agent deviating after another. If there is a potential, it is this one up to
    rounding. That is tried: u_i - P must not depend on agent i's own action.

    Args:
        payoffs: u, (m, A, ..., A), in [0, 1].

    Returns:
        P, (A, ..., A), 0 at the first joint action, or None; and the largest sum of gains round
        the cycles that go to a joint action in this way, on by one deviation, and back.
    """
    agents = len(payoffs)
    candidate = np.zeros(payoffs.shape[1:])
    for agent, own in enumerate(payoffs):
        later = agents - agent - 1
        of_first = own[(...,) + (0,) * later]
        gains = of_first - of_first[..., :1]
        candidate += gains.reshape(gains.shape + (1,) * later)
    misfit = 0.0
    for agent, own in enumerate(payoffs):
        rest = own - candidate
        misfit = max(misfit, float(np.ptp(rest, axis=agent).max()))
    return (candidate if misfit <= ROUNDING else None), misfit
