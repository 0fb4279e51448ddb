import numpy as np
import pytest

from marl_comm.analysis.interquartile import (
    bootstrap,
    difference_of,
    interquartile_mean,
    mean_of,
    ratio,
    ratio_of,
)


def plain_interquartile_mean(values):
    ordered = sorted(values)
    cut = len(ordered) // 4
    return sum(ordered[cut : len(ordered) - cut]) / (len(ordered) - 2 * cut)


@pytest.mark.parametrize("seeds", [1, 3, 4, 7, 8, 20])
def test_the_mean_is_that_of_the_middle_half(seeds):
    values = np.random.default_rng(seeds).normal(size=seeds)
    assert interquartile_mean(values) == pytest.approx(plain_interquartile_mean(values))


@pytest.mark.parametrize(("lost", "finite"), [(5, True), (6, False)])
def test_a_quarter_of_the_seeds_may_never_arrive(lost, finite):
    values = np.append(np.arange(20.0 - lost), np.full(lost, np.inf))
    each = mean_of(values)
    assert np.isfinite(each.value) == finite
    assert each.high == np.inf
    assert not np.isnan(each.low)


def test_intervals_cover_the_mean_of_a_symmetric_distribution():
    # 200 samples of 40: a true coverage of 93 % gives at least 175 with probability 0.999.
    random = np.random.default_rng(1)
    estimates = [mean_of(random.normal(size=40)) for _ in range(200)]
    covered = sum(each.low <= 0 <= each.high for each in estimates)
    assert covered >= 175
    assert covered < 200


def test_a_fortieth_of_the_resamples_lies_beyond_either_end():
    kept = []

    def mean(strata):
        kept.append(strata[0].mean(axis=1))
        return kept[-1]

    _, low, high = bootstrap(mean, [np.random.default_rng(3).normal(size=25)])
    drawn = kept[-1]
    assert len(drawn) > 1000
    for beyond, end in ((drawn < low, low), (drawn > high, high)):
        assert end in drawn
        assert 1 / 40 - 2 / len(drawn) <= beyond.mean() <= 1 / 40


def test_intervals_come_out_the_same_twice_and_need_six_seeds():
    values = np.random.default_rng(0).normal(size=12)
    assert mean_of(values) == mean_of(values.copy())
    assert mean_of(values[:6]).has_interval
    assert not mean_of(values[:5]).has_interval


def test_what_a_seed_does_to_both_sides_cancels():
    random = np.random.default_rng(0)
    reference = np.exp(random.normal(size=30))
    paired = ratio_of(0.5 * reference, reference)
    assert (paired.value, paired.low, paired.high) == pytest.approx((0.5, 0.5, 0.5))
    shuffled = ratio_of(0.5 * random.permutation(reference), reference)
    assert shuffled.high - shuffled.low > 0.05
    shifted = difference_of(reference + 0.25, reference)
    assert (shifted.low, shifted.high) == pytest.approx((0.25, 0.25))


def test_ratios_of_what_never_arrives_are_told():
    assert ratio(
        np.array([1.0, np.inf, 1.0, np.inf]), np.array([2.0, 2.0, np.inf, np.inf])
    ).tolist()[:3] == [0.5, np.inf, 0.0]
    assert np.isnan(ratio(np.array(np.inf), np.array(np.inf)))
    assert np.isnan(ratio(np.array(1.0), np.array(0.0)))
    never = np.full(10, np.inf)
    assert np.isnan(ratio_of(never, never).value)
    assert not ratio_of(never, never).has_interval


def test_an_undefined_resample_widens_the_interval_at_both_ends():
    values = np.array([1.0] * 6 + [np.inf] * 4)
    # With 4 of 10 lost, most resamples are infinite on both sides, and their ratio is unknown.
    each = ratio_of(np.sort(values[::-1]), values)
    assert np.isnan(each.value)
    values, low, high = bootstrap(
        lambda strata: np.where(strata[0].mean(axis=1) > 0.5, np.nan, 1.0),
        [np.array([0.0] * 6 + [1.0] * 4)],
    )
    assert (values, low, high) == (1.0, -np.inf, np.inf)


def test_seeds_are_drawn_within_their_stratum():
    strata = [np.zeros(10), np.ones(10)]
    value, low, high = bootstrap(
        lambda drawn: (drawn[0].mean(axis=1) + drawn[1].mean(axis=1)) / 2, strata
    )
    assert (value, low, high) == (0.5, 0.5, 0.5)
