"""Fitted exponents of a cost in 1/epsilon, with bootstrap intervals."""

from collections.abc import Sequence

import numpy as np

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import estimate, interquartile_mean
from marl_comm.arrays import Array, BoolArray

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


def comparison_of_fits(costs: Array, one: Array, other: Array) -> Array:
    """Return by how much the second straight line explains growth of log(cost) better, (rows,).

    The logarithm of the ratio of what the lines in two positions leave unexplained, their residual
    sums of squares: above 0 where the second fits better. Both have two parameters, so this is
    what any information criterion would compare. Infinite where the first line does not rise: what
    does not grow does not grow exponentially.

    Args:
        costs: (rows, points); nan for the row where fewer than four are finite and positive.
        one: (points,), such as the number of agents: the line is an exponential.
        other: (points,), such as its logarithm: the line is a power.
    """
    usable = np.isfinite(costs) & (costs > 0)
    logs = np.log(np.where(usable, costs, 1.0))
    left = [_residuals(logs, usable, positions) for positions in (one, other)]
    with np.errstate(divide="ignore", invalid="ignore"):
        compared = np.log(left[0] / left[1])
    compared = np.where(slopes(costs, one) > 0, compared, np.inf)
    return np.where(usable.sum(axis=1) > _FEWEST_POINTS, compared, np.nan)


def _residuals(logs: Array, usable: BoolArray, positions: Array) -> Array:
    """Return the residual sum of squares of the best straight line in the positions, (rows,)."""
    count = np.maximum(usable.sum(axis=1), 1)[:, None]
    mean = (usable * positions).sum(axis=1, keepdims=True) / count
    centred = (positions - mean) * usable
    heights = (logs - (usable * logs).sum(axis=1, keepdims=True) / count) * usable
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (centred * heights).sum(axis=1) / (centred**2).sum(axis=1)
    return np.asarray(((heights - slope[:, None] * centred) ** 2).sum(axis=1))
