import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, bootstrap

from marl_comm.analysis.estimates import SMALLEST_SAMPLE, median, ratio_of_medians, share
from marl_comm.randomness import generator


def coverage_of_ranks(seeds, low, high):
    """Probability that the median lies between the low-th and high-th of n values, by counting."""
    ways = sum(math.comb(seeds, below) for below in range(low, high))
    return ways / 2**seeds


@pytest.mark.parametrize("seeds", range(6, 60))
def test_interval_is_the_narrowest_symmetric_one_that_covers(seeds):
    estimate = median(np.random.default_rng(seeds).permutation(np.arange(1.0, seeds + 1)))
    assert estimate.value == (seeds + 1) / 2
    low, high = int(estimate.low), int(estimate.high)
    assert low + high == seeds + 1
    assert coverage_of_ranks(seeds, low, high) >= 0.95
    assert coverage_of_ranks(seeds, low + 1, high - 1) < 0.95


@pytest.mark.parametrize("seeds", range(1, SMALLEST_SAMPLE))
def test_there_is_no_interval_for_few_seeds(seeds):
    assert coverage_of_ranks(seeds, 1, seeds) < 0.95
    assert not median(np.arange(seeds, dtype=float)).has_interval
    ones = np.ones(seeds)
    assert not ratio_of_medians(ones, ones, generator(0, "bootstrap")).has_interval


def test_seeds_that_never_arrived_are_infinite_in_median_and_interval():
    arrived = [3.0, 5.0, 7.0, 9.0, 11.0]
    most = median(np.array([*arrived, np.inf, np.inf, np.inf]))
    assert (most.value, most.low, most.high) == (10.0, 3.0, np.inf)
    half = median(np.array([*arrived, *[np.inf] * 5]))
    assert (half.value, half.low, half.high) == (np.inf, 5.0, np.inf)
    none = median(np.full(8, np.inf))
    assert (none.value, none.low, none.high) == (np.inf, np.inf, np.inf)


def ratio(values, reference):
    return ratio_of_medians(np.array(values), np.array(reference), generator(0, "bootstrap"))


def test_ratio_and_its_interval_agree_with_scipy_where_all_arrived():
    random = np.random.default_rng(3)
    reference = random.lognormal(3, 0.5, size=25)
    values = reference * random.lognormal(-0.4, 0.3, size=25)
    ours = ratio(values, reference)
    theirs = bootstrap(
        (values, reference),
        lambda x, y, axis: np.median(x, axis=axis) / np.median(y, axis=axis),
        paired=True,
        n_resamples=9_999,
        method="percentile",
        rng=np.random.default_rng(4),
    ).confidence_interval
    assert ours.value == np.median(values) / np.median(reference)
    # Ends differ by the luck of the draw: about 1 % for so many resamples.
    assert ours.low == pytest.approx(theirs.low, rel=0.03)
    assert ours.high == pytest.approx(theirs.high, rel=0.03)


def test_pairs_stay_together():
    # Seeds differ a hundredfold, yet in each pair the ratio is exactly one half.
    reference = np.geomspace(1, 100, 21)
    paired = ratio(reference / 2, reference)
    assert (paired.low, paired.value, paired.high) == (0.5, 0.5, 0.5)
    shuffled = ratio(np.random.default_rng(0).permutation(reference / 2), reference)
    assert shuffled.high - shuffled.low > 0.3


def test_interval_covers_the_true_ratio():
    """Of 200 intervals at 95 %, fewer than 180 cover by chance with probability 0.002."""
    random = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        reference = random.lognormal(3, 0.5, size=20)
        values = 0.7 * reference * random.lognormal(0, 0.3, size=20)
        estimate = ratio(values, reference)
        covered += estimate.low <= 0.7 <= estimate.high
    assert covered >= 180


def test_ratio_where_a_median_is_infinite_or_zero():
    finite, never, zero = np.arange(1.0, 9), np.full(8, np.inf), np.zeros(8)
    assert ratio(finite, never).value == 0
    assert ratio(never, finite).value == np.inf
    assert ratio(zero, finite).value == 0
    for undefined in ratio(never, never), ratio(zero, zero), ratio(finite, zero):
        assert math.isnan(undefined.value)
        assert not undefined.has_interval


def test_a_few_that_never_arrived_move_the_interval_not_the_count():
    reference = np.arange(10.0, 30)
    values = reference / 2
    values[:4] = np.inf
    estimate = ratio(values, reference)
    # The medians are those of all twenty pairs, with the four at the end of the order.
    assert estimate.value == np.median(values) / np.median(reference)
    assert estimate.value > ratio(values[4:], reference[4:]).value
    assert math.isfinite(estimate.high)


def test_resamples_without_a_ratio_widen_both_ends():
    both = np.array([4.0] * 6 + [np.inf] * 4)
    # In 37 % of the resamples five or more of the ten are infinite, on both sides alike.
    estimate = ratio(both, 2 * both)
    assert (estimate.low, estimate.value, estimate.high) == (0, 0.5, np.inf)


@given(
    st.lists(st.one_of(st.integers(0, 30).map(float), st.just(math.inf)), min_size=6, max_size=30),
    st.integers(0, 2**32 - 1),
)
def test_intervals_enclose_their_value(values, seed):
    array = np.array(values)
    other = np.random.default_rng(seed).permutation(array) + 1
    estimate = median(array)
    assert estimate.low <= estimate.value <= estimate.high
    relative = ratio_of_medians(array, other, generator(0, "bootstrap"))
    if relative.has_interval:
        assert 0 <= relative.low <= relative.high


def test_the_share_of_seeds_is_never_certain():
    for count in (0, 3, 12):
        found = share(np.arange(12) < count)
        assert found.value == count / 12
        assert found.low <= found.value <= found.high
        assert found.high - found.low > 0.15
    assert not share(np.ones(5, dtype=bool)).has_interval


@pytest.mark.parametrize("seeds", [6, 25, 40])
@pytest.mark.parametrize("truth", [0.02, 0.1, 0.5, 0.8])
def test_either_end_of_a_share_errs_in_at_most_one_of_forty_samples(seeds, truth):
    # Every outcome with its chance: nothing is drawn.
    chance = binom.pmf(np.arange(seeds + 1), seeds, truth)
    found = [share(np.arange(seeds) < count) for count in range(seeds + 1)]
    assert sum(chance[[each.high < truth for each in found]]) <= 0.025
    assert sum(chance[[each.low > truth for each in found]]) <= 0.025
