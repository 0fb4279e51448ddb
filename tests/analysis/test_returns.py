"""Returns, costs and staleness of MAPPO's runs, against plain loops over what was logged."""

import json

import numpy as np
import pytest
from fake_runs import BYTES_PER_SAMPLE, environment_points, write_environment_run
from scipy.stats import trim_mean

from marl_comm.analysis import returns
from marl_comm.analysis.configurations import pool
from marl_comm.analysis.runs import load_runs


def noisy(seed):
    """One seed's record with figures of its own, so that no two are confused."""
    random = np.random.default_rng(seed)
    record = environment_points(23, period=6, warmup=4, evaluation_every=3, predicted=True)
    for point in record:
        for name in ("ess", "kl", "kappa", "evaluation_sampled_return"):
            if point.get(name) not in (None, 0.0):
                point[name] += float(random.random())
    return record


@pytest.fixture
def configuration(tmp_path):
    write_environment_run(tmp_path / "run", "base_policy_prediction", seeds=range(6), record=noisy)
    (found,) = pool(load_runs([tmp_path], print), print)
    return found


def logged(configuration, seed):
    return json.loads(json.dumps(noisy(seed)))


def test_final_returns_and_areas_are_those_of_the_evaluations(configuration):
    for seed in range(6):
        found = [
            point["evaluation_sampled_return"]
            for point in logged(configuration, seed)
            if point["evaluation_sampled_return"] is not None
        ]
        assert len(found) == 8
        assert returns.final_returns(configuration)[seed] == found[-1]
        assert returns.areas(configuration)[seed] == pytest.approx(sum(found) / 8)


def test_staleness_counts_updates_on_other_policies_data_only(configuration):
    for field in ("ess", "kl", "kappa"):
        for seed in range(6):
            total, count = 0.0, 0
            for point in logged(configuration, seed):
                if point.get("kl") and point[field] is not None:
                    total, count = total + point[field], count + 1
            # 19 updates after the warm-up, of which those at the start of 4 rounds are on new data.
            assert count == 15
            assert returns.staleness_means(configuration, field)[seed] == pytest.approx(
                total / count
            )
    assert np.isnan(returns.staleness_means(configuration, "unknown")).all()


@pytest.mark.parametrize("axis", ["round", "samples"])
def test_a_curve_has_the_last_evaluation_by_then(configuration, axis):
    grid = np.array([0.0, 1.0, 4.0, 5.0, 6.0, 400.0, 900.0, 2800.0, 2801.0])
    found = returns.returns_on_grid(configuration, axis, grid)
    for seed in range(6):
        record = [
            point
            for point in logged(configuration, seed)
            if point["evaluation_sampled_return"] is not None
        ]
        for position, count in enumerate(grid):
            by_then = [point for point in record if point[axis] <= count]
            expected = by_then[-1]["evaluation_sampled_return"]
            if count > record[-1][axis]:
                expected = np.nan
            np.testing.assert_equal(found[seed, position], expected)


@pytest.mark.parametrize("unit", ["round", "local_step", "samples", "bytes"])
@pytest.mark.parametrize("target", [-70.0, -1.0])
def test_costs_of_a_return_are_those_at_its_first_evaluation(configuration, unit, target):
    found = returns.costs_of_return(configuration, target, unit)
    for seed in range(6):
        expected = np.inf
        for point in reversed(logged(configuration, seed)):
            value = point["evaluation_sampled_return"]
            if value is not None and value >= target:
                expected = (
                    point["samples"] * BYTES_PER_SAMPLE * 3 if unit == "bytes" else point[unit]
                )
        assert found[seed] == expected
    assert np.isinf(found).all() == (target == -1.0)


def test_pairs_are_of_shared_seeds_in_one_order(tmp_path):
    def record(seed):
        return environment_points(final_return=-50.0 - seed)

    write_environment_run(tmp_path / "one", seeds=[5, 3, 4], record=record)
    write_environment_run(tmp_path / "other", "stale", seeds=[5, 6, 4], record=record)
    one, other = pool(load_runs([tmp_path], print), print)
    ours, theirs = returns.paired(returns.final_returns, one, other)
    assert ours.tolist() == theirs.tolist() == [-54.0, -55.0]


def test_a_loss_is_relative_to_the_size_of_the_reference():
    values, reference = np.arange(-70.0, -58.0), np.arange(-60.0, -48.0)
    means = [trim_mean(side, 0.25) for side in (values, reference)]
    each = returns.relative_loss(values, reference)
    assert each.value == pytest.approx((means[1] - means[0]) / abs(means[1]))
    assert each.value > 0
    assert each.low <= each.value <= each.high
    assert returns.relative_loss(reference, values).value < 0
