"""Each algorithm at its best of a grid: what is at the edge, or cut off, is no best."""

import numpy as np
import pytest
from fake_runs import points, write_run

from marl_comm.analysis.configurations import pool
from marl_comm.analysis.runs import load_runs
from marl_comm.paper.best import Rounds, best_ratio

SEEDS = 12


def rounds(of_places, least=None) -> Rounds:
    """Return a grid of one axis in which all seeds take as many rounds."""
    wide = [np.tile(each, (SEEDS, 1)) for each in (of_places, least or of_places)]
    return Rounds(*wide)


def test_each_side_is_compared_at_its_own_best_threshold():
    each = best_ratio(rounds([9.0, 6.0, np.inf, np.inf]), rounds([10.0, 12.0, 8.0, 9.0]))
    assert (each.value, each.low, each.high) == (0.75, 0.75, 0.75)


def test_an_interval_of_bests_includes_their_choice():
    ours, theirs = np.full((SEEDS, 4), 9.0), np.full((SEEDS, 4), 9.0)
    theirs[:, 1:3] = 6
    # One place is good for half of the seeds, the next for the others: 6 on the whole, and no
    # resample has a better place above that.
    ours[:, 1], ours[:, 2] = [4] * 6 + [8] * 6, [8] * 6 + [4] * 6
    each = best_ratio(Rounds(ours, ours), Rounds(theirs, theirs))
    assert each.value == each.high == 1
    assert 0.6 < each.low < 0.8


@pytest.mark.parametrize(
    ("ours", "theirs", "value"),
    [
        ([9, 6, 7], [9, 8, 7], np.nan),
        ([5, 6, 7], [9, 8, 9], np.nan),
        ([7, 6, 6], [9, 8, 8], 0.75),  # no better at the edge than inside
        ([9, 6, 7], [3, 2, 1], 6),  # nothing takes less than a round
        ([9, 6, np.inf], [np.inf] * 3, 0),
        ([np.inf] * 3, [np.inf] * 3, np.nan),
    ],
)
def test_what_is_best_at_the_edge_is_compared_with_nothing(ours, theirs, value):
    ours = rounds(ours)
    each = best_ratio(ours, rounds(theirs))
    np.testing.assert_array_equal((each.value, each.low, each.high), [value] * 3)
    assert ours.at_best.tolist() == [ours.taken[0].min()] * SEEDS
    assert ours.edge_mark == (" (edge)" if ours.taken[0, 0] == 5 else "")


def test_each_axis_of_a_grid_has_its_edges():
    ours, theirs = np.full((SEEDS, 3, 3), 9.0), np.full((SEEDS, 3, 3), 9.0)
    ours[:, 1, 1], theirs[:, 1, 1] = 6, 8
    sides = Rounds(ours, ours), Rounds(theirs, theirs)
    assert best_ratio(*sides).value == 0.75
    theirs[:, 1, 2] = 7
    assert np.isnan(best_ratio(*sides).value)


def test_a_grid_of_rows_has_an_axis_for_them_before_their_own():
    rows = [rounds([9.0, 6.0], [3.0, 6.0]), rounds([5.0, 7.0])]
    stacked = Rounds.stack(rows)
    assert stacked.taken[0].tolist() == [[9, 6], [5, 7]]
    assert stacked.least[0].tolist() == [[3, 6], [5, 7]]


@pytest.mark.parametrize(("cut_off_after", "mark"), [(4, " (edge)"), (5, "")])
def test_four_rounds_at_the_longest_interval_guard_nothing_below_five(cut_off_after, mark):
    # 8 of 12 seeds were ended at the longest interval: never, but perhaps one round later.
    taken, least = np.full((SEEDS, 4), 9.0), np.full((SEEDS, 4), 9.0)
    for each in (taken, least):
        each[:, 1], each[:, 2] = 8, [4] * 4 + [5] * 8  # 4.83 on the whole
        each[:4, 3] = 4
    taken[4:, 3], least[4:, 3] = np.inf, cut_off_after
    found = Rounds(taken, least)
    assert found.best.place == (2,)
    assert found.edge_mark == mark
    assert np.isnan(best_ratio(rounds([9.0, 2.0, 9.0, 9.0]), found).value) == bool(mark)
    assert np.isnan(best_ratio(found, rounds([9.0, 2.0, 9.0, 9.0])).value) == bool(mark)


def test_the_share_at_the_edge_counts_resamples_that_are_each_judged_alone():
    random = np.random.default_rng(1)
    taken = random.integers(3, 8, (SEEDS, 4)).astype(float)
    taken[:, 1] -= 1
    least = np.where(random.random(taken.shape) < 0.1, 2, taken)
    least[:, 1] = taken[:, 1]
    taken[least < taken] = np.inf
    draws = np.random.default_rng(0).integers(SEEDS, size=(2000, SEEDS))
    alone = [bool(Rounds(taken[drawn], least[drawn]).best.at_the_edge) for drawn in draws]
    assert 0 < Rounds(taken, least).share_at_the_edge == np.mean(alone) < 1


@pytest.mark.parametrize(("ended_by", "least"), [("local_steps", 4), ("communication_budget", 5)])
def test_a_seed_that_was_ended_takes_at_least_what_it_had_and_one_more_if_due(
    tmp_path, ended_by, least
):
    settings = {"metrics.gap_thresholds": [0.1, 0.0001]}
    write_run(
        tmp_path / "one",
        settings=settings,
        seeds=range(4),
        record=lambda _: points(20, updates_per_round=5),
        stopped_by=ended_by,
    )
    (configuration,) = pool(load_runs([tmp_path], print), print)
    arrived, never = (Rounds.along([configuration], gap) for gap in (0.1, 0.0001))
    assert arrived.taken.tolist() == arrived.least.tolist() == [[2]] * 4
    assert never.taken.tolist() == [[np.inf]] * 4
    assert never.least.tolist() == [[least]] * 4


@pytest.mark.parametrize(
    ("schedule", "warmup", "updates_per_round", "least"),
    [
        ("adaptive", None, 20, np.inf),
        ("adaptive", 5, 20, np.inf),
        ("adaptive", None, 5, 4),
        ("periodic", None, 20, 1),
    ],
)
def test_a_trigger_that_never_fired_is_not_ended_early_but_an_interval_is(
    tmp_path, schedule, warmup, updates_per_round, least
):
    write_run(
        tmp_path / "one",
        settings={
            "metrics.gap_thresholds": [0.0001],
            "communication.name": schedule,
            "communication.warmup": warmup,
        },
        record=lambda _: points(20, updates_per_round=updates_per_round),
        stopped_by="local_steps",
    )
    (configuration,) = pool(load_runs([tmp_path], print), print)
    assert set(Rounds.along([configuration], 0.0001).least[:, 0]) == {least}
