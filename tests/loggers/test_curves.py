import math
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marl_comm.loggers.curves import MeanCurve, name_of

Point = dict[str, float]


@pytest.mark.parametrize(
    ("field", "axis", "name"),
    [
        ("value", "local_step", "evaluation/value"),
        ("nash_gap_median", "round", "evaluation_by_round/nash_gap_median"),
        ("agent_gap_0", "local_step", "evaluation/agent_gap_0"),
        ("evaluation_sampled_return", "samples", "evaluation_by_sample/evaluation_sampled_return"),
        ("bytes_up", "local_step", "communication/bytes_up"),
        ("policy_loss", "local_step", "training/policy_loss"),
        ("value_loss", "round", "training_by_round/value_loss"),
        ("return", "local_step", "training/return"),
    ],
)
def test_a_curve_is_named_by_what_it_tells_of_and_what_it_is_drawn_against(
    field: str, axis: str, name: str
) -> None:
    assert name_of(field, axis) == name


@st.composite
def records(draw: st.DrawFn) -> list[list[Point]]:
    """Points of 1 to 4 seeds: each stops at its own step, and communicates when it likes."""
    record = []
    for seed in range(draw(st.integers(1, 4))):
        steps = draw(st.integers(1, 8))
        rounds = np.cumsum([0, *draw(st.lists(st.integers(0, 1), min_size=8, max_size=8))])
        gaps = draw(st.lists(st.floats(0, 1), min_size=9, max_size=9))
        record.append(
            [
                {"seed": seed + 5, "local_step": t, "round": int(rounds[t]), "nash_gap": gaps[t]}
                for t in range(steps + 1)
            ]
        )
    return record


def plain_loop(record: list[list[Point]], axis: str) -> list[dict[str, Any]]:
    """The definition: at each position, the mean of each seed's last point at or before it."""
    rows = []
    for position in sorted({point[axis] for points in record for point in points}):
        current = [[p for p in points if p[axis] <= position][-1] for points in record]
        other = "local_step" if axis == "round" else "round"
        gaps = [point["nash_gap"] for point in current]
        rows.append(
            {
                axis: position,
                other: pytest.approx(sum(point[other] for point in current) / len(current)),
                "nash_gap": pytest.approx(sum(gaps) / len(gaps)),
                "nash_gap_lower_quartile": pytest.approx(float(np.percentile(gaps, 25))),
                "nash_gap_median": pytest.approx(float(np.percentile(gaps, 50))),
                "nash_gap_upper_quartile": pytest.approx(float(np.percentile(gaps, 75))),
            }
        )
    return rows


@pytest.mark.parametrize("axis", ["local_step", "round"])
@given(record=records())
def test_rows_equal_the_definition_and_are_never_taken_too_early(
    axis: str, record: list[list[Point]]
) -> None:
    curve = MeanCurve(axis, [int(points[0]["seed"]) for points in record])
    rows = []
    for local_step in range(9):
        running = [points[local_step] for points in record if len(points) > local_step]
        if running:
            curve.add(running)
            slowest = min(curve.reached(int(point["seed"])) for point in running)
            assert slowest == min(point[axis] for point in running)
            rows += curve.take(slowest)
    rows += curve.take(math.inf)
    assert rows == plain_loop(record, axis)
    assert curve.take(math.inf) == []


def test_points_at_a_position_that_goes_on_are_not_kept() -> None:
    class Kept(dict[str, float]):
        """A point that can be watched."""

    curve = MeanCurve("round", [5])
    watched = []
    for local_step in range(100):
        point = Kept(seed=5, round=1, local_step=local_step, nash_gap=0.0)
        watched.append(weakref.ref(point))
        curve.add([point])
    del point
    assert sum(reference() is not None for reference in watched) == 1
