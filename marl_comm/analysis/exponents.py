"""Fitted exponents of a cost in 1/epsilon, with bootstrap intervals."""

from collections.abc import Sequence

import numpy as np

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import estimate, interquartile_mean
from marl_comm.arrays import Array

_FEWEST_POINTS = 3


def exponent(costs: Array, epsilons: Sequence[float]) -> Estimate:
    """Fit cost ~ epsilon^(-exponent) to interquartile means over the seeds.

    Where there are several ways to pay, the cheapest is taken at each epsilon, anew in every
    resample. Costs that are infinite or 0 are left out of the fit.

    Args:
        costs: (seeds, epsilons) or (seeds, epsilons, ways), `inf` for never.
        epsilons: In the order of the second axis.

    Returns:
        The exponent; nan where fewer than three points can be fitted.
    """
    with_ways = costs[..., None] if costs.ndim == 2 else costs

    def statistic(strata: Sequence[Array]) -> Array:
        return slopes(cheapest(strata[0]), -np.log(epsilons))

    return estimate(statistic, with_ways)


def cheapest(costs: Array) -> Array:
    """Return the smallest interquartile mean over the ways to pay.

    Args:
        costs: (resamples, seeds, epsilons, ways).

    Returns:
        (resamples, epsilons).
    """
    return np.asarray(interquartile_mean(costs, axis=1).min(axis=-1))


def slopes(costs: Array, positions: Array) -> Array:
    """Return least-squares slopes of log(cost) in the positions, (rows,).

    Args:
        costs: (rows, points); infinite ones and zeros are left out.
        positions: (points,).
    """
    usable = np.isfinite(costs) & (costs > 0)
    count = usable.sum(axis=1)
    logs = np.log(np.where(usable, costs, 1.0))
    weights = usable / np.maximum(count, 1)[:, None]
    centred = (positions - (weights * positions).sum(axis=1, keepdims=True)) * usable
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (centred * logs).sum(axis=1) / (centred**2).sum(axis=1)
    return np.where(count >= _FEWEST_POINTS, slope, np.nan)
