"""Interquartile means over seeds with stratified bootstrap intervals; infinities welcome.

A seed that never arrived counts as infinitely late. The mean of the middle half stays finite as
long as no more than a quarter of the seeds did so, and is infinite beyond that.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import trim_mean

from marl_comm.analysis.estimates import CONFIDENCE, SMALLEST_SAMPLE, Estimate
from marl_comm.arrays import Array

Statistic = Callable[[Sequence[Array]], Array]
"""From one array (resamples, seeds, ...) per stratum to an array (resamples, ...)."""

_CUT = 0.25
_RESAMPLES = 2_000
_SEED = 0  # Intervals are part of a figure that has to come out the same twice.


def interquartile_mean(values: Array, axis: int = 0) -> Array:
    """Return the mean of the middle half along an axis; `inf` sorts last, as never arrived."""
    return np.asarray(trim_mean(values, _CUT, axis=axis))


def bootstrap(statistic: Statistic, strata: Sequence[Array]) -> tuple[Array, Array, Array]:
    """Return a statistic with the ends of its percentile-bootstrap interval.

    Seeds are resampled with replacement within each stratum, whole rows at a time, so whatever
    shares a row stays paired. An undefined (nan) resample could be anything: it widens the
    interval at both ends. Ends are draws themselves: interpolation would turn infinities to nan.

    Args:
        statistic: What to compute.
        strata: For each stratum (seeds, ...), its seeds first.

    Returns:
        Value, low and high, each of the statistic's shape without its first axis; low and high are
        nan where a stratum has fewer than six seeds or the value is undefined.
    """
    value = statistic([stratum[None] for stratum in strata])[0]
    if min(map(len, strata)) < SMALLEST_SAMPLE:
        return value, np.full_like(value, np.nan), np.full_like(value, np.nan)
    drawn = statistic(resamples(strata))
    undefined = np.isnan(drawn)
    tail = (1 - CONFIDENCE) / 2
    low = np.quantile(np.where(undefined, -np.inf, drawn), tail, axis=0, method="lower")
    high = np.quantile(np.where(undefined, np.inf, drawn), 1 - tail, axis=0, method="higher")
    unknown = np.isnan(value)
    return value, np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def resamples(strata: Sequence[Array]) -> list[Array]:
    """Return the draws of the bootstrap, (resamples, seeds, ...) for each stratum."""
    rng = np.random.default_rng(_SEED)
    return [
        stratum[rng.integers(len(stratum), size=(_RESAMPLES, len(stratum)))] for stratum in strata
    ]


def estimate(statistic: Statistic, *strata: Array) -> Estimate:
    """Return a statistic that is one number; see `bootstrap`."""
    value, low, high = bootstrap(statistic, strata)
    return Estimate(float(value), float(low), float(high))


def mean_of(values: Array) -> Estimate:
    """Return the interquartile mean of (seeds,)."""
    return estimate(lambda strata: interquartile_mean(strata[0], axis=1), values)


def ratio_of(values: Array, reference: Array) -> Estimate:
    """Return the ratio of the interquartile means of two paired samples, (seeds,) each.

    0 where only the reference never arrived, infinite where only the other did, nan where both.
    """
    return estimate(_ratio_of_pairs, np.stack([values, reference], axis=-1))


def difference_of(values: Array, reference: Array) -> Estimate:
    """Return the interquartile mean of paired differences of finite values, (seeds,) each."""
    return mean_of(values - reference)


def ratio(numerator: Array, denominator: Array) -> Array:
    """Divide, with nan where both are infinite or the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.true_divide(numerator, denominator)
    return np.where(np.equal(denominator, 0), np.nan, quotient)


def _ratio_of_pairs(strata: Sequence[Array]) -> Array:
    means = interquartile_mean(strata[0], axis=1)
    return ratio(means[..., 0], means[..., 1])
