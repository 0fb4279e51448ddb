"""Medians over seeds with 95 % intervals, where a seed that never arrived counts as infinity."""

import math
from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import Array, BoolArray

CONFIDENCE = 0.95
# With five seeds the smallest and the largest enclose the median with probability 1 - 2/2^5 = 0.94.
SMALLEST_SAMPLE = 6
_RESAMPLES = 9_999


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: May be infinite; nan where undefined.
        low: Lower end of the interval; nan where there are fewer than `SMALLEST_SAMPLE` seeds.
        high: Upper end, may be infinite; nan as for low.
    """

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def has_interval(self) -> bool:
        """Whether there were enough seeds for a 95 % interval."""
        return not math.isnan(self.low)


def median(values: Array) -> Estimate:
    """Return the median with the exact interval between two order statistics.

    The interval covers the true median with at least 95 % whatever the distribution, ties
    included, because only the ranks are used; for the same reason infinite values are welcome.

    Args:
        values: (seeds,), at least one, not nan; `inf` for a seed that never arrived.
    """
    # The tested quantile plays no part in the interval.
    from scipy.stats import quantile_test  # Late: scipy is slow to import.

    interval = quantile_test(values, q=0.0, p=0.5).confidence_interval(CONFIDENCE)
    return Estimate(float(np.median(values)), float(interval.low), float(interval.high))


def ratio_of_medians(values: Array, reference: Array, rng: np.random.Generator) -> Estimate:
    """Return median(values) / median(reference) with a paired percentile-bootstrap interval.

    Whole pairs are resampled, so what a seed does to both sides alike cancels. No pair is ever
    left out: one that never arrived is infinite in its median. The ratio is 0 where only the
    reference's median is infinite, infinite where only the other is, and undefined (nan) where
    both are infinite or the reference's is 0. A resample with an undefined ratio could be
    anything, so it widens the interval on both sides.

    Args:
        values: (pairs,), at least 0, `inf` where the seed never arrived.
        reference: (pairs,), of the same seeds.
        rng: Draws the resamples.
    """
    value = float(_ratio(np.median(values), np.median(reference)))
    pairs = len(values)
    if pairs < SMALLEST_SAMPLE or math.isnan(value):
        return Estimate(value)
    drawn = rng.integers(pairs, size=(_RESAMPLES, pairs))
    ratios = _ratio(np.median(values[drawn], axis=1), np.median(reference[drawn], axis=1))
    undefined = np.isnan(ratios)
    tail = (1 - CONFIDENCE) / 2
    # An interpolating quantile would turn infinities into nan: take draws themselves.
    low = np.quantile(np.where(undefined, 0.0, ratios), tail, method="lower")
    high = np.quantile(np.where(undefined, np.inf, ratios), 1 - tail, method="higher")
    return Estimate(value, float(low), float(high))


def _ratio(numerator: Array | np.float64, denominator: Array | np.float64) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.true_divide(numerator, denominator)
    return np.where(np.equal(denominator, 0), np.nan, ratio)


def share(outcomes: BoolArray) -> Estimate:
    """Return the share of seeds with its exact (Clopper-Pearson) interval.

    At either end it errs in at most one of 40 samples, whatever the true share and however few the
    seeds. A bootstrap of zeros or of ones alone would claim certainty.

    Args:
        outcomes: (seeds,), whether it happened.
    """
    count, seeds = int(np.sum(outcomes)), len(outcomes)
    from scipy.stats import binomtest  # Late: scipy is slow to import.

    if seeds < SMALLEST_SAMPLE:
        return Estimate(count / seeds)
    interval = binomtest(count, seeds).proportion_ci(CONFIDENCE, method="exact")
    return Estimate(count / seeds, float(interval.low), float(interval.high))
