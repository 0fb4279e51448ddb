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


def test_a_loss_is_a_share_of_what_the_reference_gained_whatever_is_added_to_all():
    values, reference, before = (np.arange(first, first + 12.0) for first in (-70, -60, -100))
    each = returns.share_lost(values, reference, before)
    means = [trim_mean(side, 0.25) for side in (values, reference, before)]
    assert each.value == pytest.approx((means[1] - means[0]) / (means[1] - means[2]))
    assert each.value == pytest.approx(10 / 40)
    assert each.low <= each.value <= each.high
    moved = returns.share_lost(values + 500, reference + 500, before + 500)
    assert (moved.value, moved.low, moved.high) == pytest.approx((each.value, each.low, each.high))
    assert returns.share_lost(reference, values, before).value < 0
    assert not returns.share_lost(values, before, reference).has_interval  # nothing was gained


def test_what_is_regained_is_a_share_of_what_was_lost():
    values, fallen, reference = (np.arange(first, first + 12.0) for first in (-47, -50, -38))
    each = returns.share_regained(values, fallen, reference)
    assert each.value == pytest.approx(3 / 12)
    assert returns.share_regained(fallen, fallen, reference).value == pytest.approx(0)
    assert returns.share_regained(reference, fallen, reference).value == pytest.approx(1)
    assert returns.share_regained(fallen - 6, fallen, reference).value == pytest.approx(-0.5)
    assert not returns.share_regained(values, reference, fallen).has_interval  # nothing was lost


@pytest.mark.parametrize("actions", ["sampled", "greedy"])
def test_late_returns_are_means_of_the_last_three_evaluations_after_the_first(
    configuration, actions
):
    for seed in range(6):
        found = [
            point[f"evaluation_{actions}_return"]
            for point in logged(configuration, seed)
            if point["evaluation_sampled_return"] is not None
        ]
        late = returns.late_returns(configuration, actions=actions)
        assert late[seed] == pytest.approx(sum(found[-3:]) / 3)
        if actions == "sampled":
            assert returns.first_returns(configuration)[seed] == found[0]


def test_what_was_played_before_learning_counts_among_no_late_returns(tmp_path):
    def record(seed):
        return environment_points(10, evaluation_every=5)

    write_environment_run(tmp_path / "short", record=record)
    (short,) = pool(load_runs([tmp_path], print), print)
    assert returns.late_returns(short) == pytest.approx([-65.0] * 8)
