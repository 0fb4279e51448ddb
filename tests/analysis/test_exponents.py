import numpy as np
import pytest

from marl_comm.analysis.exponents import comparison_of_fits, exponent, slopes

EPSILONS = [0.1, 0.03, 0.01, 0.003, 0.001]


def power_law(power, seeds=12, noise=0.0):
    random = np.random.default_rng(0)
    factor = np.exp(noise * random.normal(size=(seeds, 1)))
    return factor * np.array(EPSILONS) ** -power


@pytest.mark.parametrize("power", [0.0, 0.75, 2.75])
def test_a_power_law_gives_back_its_exponent(power):
    each = exponent(power_law(power, noise=0.3), EPSILONS)
    assert each.value == pytest.approx(power, abs=1e-9)
    assert each.low <= each.value <= each.high


def test_what_never_arrived_or_cost_nothing_is_left_out():
    costs = power_law(1.5)
    costs[:, -1] = np.inf
    costs[:, 0] = 0.0
    assert exponent(costs, EPSILONS).value == pytest.approx(1.5)


def test_two_points_are_too_few():
    costs = power_law(1.0)
    costs[:, 2:] = np.inf
    assert np.isnan(exponent(costs, EPSILONS).value)


def test_the_cheapest_way_is_taken_at_each_epsilon():
    steep, shallow = power_law(2.0), 50 * power_law(0.5)
    each = exponent(np.stack([steep, shallow], axis=-1), EPSILONS)
    expected = np.polyfit(-np.log(EPSILONS), np.log(np.minimum(steep, shallow)[0]), 1)[0]
    assert each.value == pytest.approx(expected)


def test_slopes_equal_those_of_numpy():
    random = np.random.default_rng(3)
    positions = random.normal(size=7)
    costs = np.exp(random.normal(size=(4, 7)))
    costs[1, 2] = np.inf
    for row, slope in zip(costs, slopes(costs, positions), strict=True):
        kept = np.isfinite(row)
        expected = np.polyfit(positions[kept], np.log(row[kept]), 1)[0]
        assert slope == pytest.approx(expected)


def test_fits_are_compared_by_their_residuals_as_a_plain_loop_does_it():
    random = np.random.default_rng(0)
    agents = np.array([2.0, 4.0, 6.0, 9.0, 12.0])
    costs = np.exp(0.3 * agents + random.normal(0, 0.3, (4, 5)))
    costs[3] = costs[3][::-1]
    costs[2, 0] = np.inf
    costs[1, :2] = np.inf
    for row, compared in zip(costs, comparison_of_fits(costs, agents, np.log(agents)), strict=True):
        usable = np.isfinite(row)
        if usable.sum() < 4:
            assert np.isnan(compared)
            continue
        left = [
            np.polyfit(positions[usable], np.log(row[usable]), 1, full=True)[1][0]
            for positions in (agents, np.log(agents))
        ]
        falls = np.polyfit(agents[usable], np.log(row[usable]), 1)[0] < 0
        assert compared == (np.inf if falls else pytest.approx(np.log(left[0] / left[1])))
