"""Means over seeds that each move along an axis at their own pace, and what they are called."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from marl_comm.arrays import Array
from marl_comm.loggers import Point

Row = dict[str, float]

AXES = {"local_step": "", "round": "_by_round", "samples": "_by_sample"}
"""The x-axes, and what they add to the sections of their curves."""

_COMMUNICATION = ("round", "samples", "bytes_up", "bytes_down")
_EVALUATION = ("nash_gap", "agent_gap_", "stage_gap_", "stage_potential_", "evaluation_")


def name_of(field: str, axis: str) -> str:
    """Return what a field's curve is called, such as "evaluation_by_round/nash_gap".

    Args:
        field: Of a point, or of a row's quartiles.
        axis: One of `AXES`.
    """
    section = "training"
    if field in _COMMUNICATION:
        section = "communication"
    elif field == "value" or field.startswith(_EVALUATION):
        section = "evaluation"
    return f"{section}{AXES[axis]}/{field}"


class Curves:
    """A run's means over seeds against local updates, rounds and samples."""

    def __init__(self, config: Mapping[str, Any], seeds: Sequence[int]) -> None:
        """Start empty.

        Args:
            config: The run's; exact gradients have no curves against samples.
            seeds: Every seed of the run.
        """
        self._every = int(config["metrics"]["every"])
        exact = config["samples_per_round"] is None
        self._of = {
            axis: MeanCurve(axis, seeds) for axis in AXES if not (exact and axis == "samples")
        }

    def add(self, points: Sequence[Point]) -> dict[str, list[Row]]:
        """Take the points of one local update; return the rows that they complete, by axis."""
        for curve in self._of.values():
            curve.add(points)
        local_step = int(points[0]["local_step"])
        # In between, only seeds that have just stopped are logged; their values count from here.
        if local_step % self._every != 0:
            return {}
        running = [int(point["seed"]) for point in points]
        rows = {
            axis: curve.take(min(map(curve.reached, running)))
            for axis, curve in self._of.items()
            if axis != "local_step"
        }
        # All running seeds are at this local update, and none of them will be there again.
        rows["local_step"] = self._of["local_step"].take(local_step + 1)[-1:]
        return rows

    def rest(self) -> dict[str, list[Row]]:
        """Return the rows that are left once every seed has stopped, by axis."""
        rows = {axis: curve.take(math.inf) for axis, curve in self._of.items()}
        rows["local_step"] = rows["local_step"][-1:]
        return rows


class MeanCurve:
    """The mean over seeds of every metric, at equal values of one cumulative count.

    At position x a seed counts with its last point at or before x: a seed that has stopped, or
    that skips x, carries its value forward. A position is complete, and can be taken, when no
    running seed can still log a point there.
    """

    def __init__(self, axis: str, seeds: Sequence[int]) -> None:
        """Start empty.

        Args:
            axis: The point field to compare at; never decreases for a seed.
            seeds: Every seed of the run.
        """
        self._axis = axis
        # Per seed, its last point at each position that has not been passed yet.
        self._points: dict[int, deque[Point]] = {seed: deque() for seed in seeds}
        self._positions: set[float] = set()

    def add(self, points: Sequence[Point]) -> None:
        """Take points, at most one per seed; every seed's first before any row is taken."""
        for point in points:
            waiting = self._points[int(point["seed"])]
            if waiting and waiting[-1][self._axis] == point[self._axis]:
                waiting.pop()
            waiting.append(point)
            self._positions.add(point[self._axis])

    def reached(self, seed: int) -> float:
        """Return how far a seed has come."""
        return self._points[seed][-1][self._axis]

    def take(self, before: float) -> list[Row]:
        """Return the rows at positions below `before`, once each and in order.

        Each row holds the axis, the means of all other fields, and the quartiles of the Nash gap
        where there is one.
        """
        ready = sorted(position for position in self._positions if position < before)
        self._positions.difference_update(ready)
        return [self._row(position) for position in ready]

    def _row(self, position: float) -> Row:
        for waiting in self._points.values():
            while len(waiting) > 1 and waiting[1][self._axis] <= position:
                waiting.popleft()
        current = [waiting[0] for waiting in self._points.values()]
        fields = [field for field in current[0] if field not in ("seed", self._axis)]
        means = _columns(current, fields).mean(axis=0)
        row = {self._axis: position, **dict(zip(fields, means.tolist(), strict=True))}
        if "nash_gap" not in fields:
            return row
        quartiles = np.quantile(_columns(current, ["nash_gap"]), [0.25, 0.5, 0.75])
        return {
            **row,
            "nash_gap_lower_quartile": float(quartiles[0]),
            "nash_gap_median": float(quartiles[1]),
            "nash_gap_upper_quartile": float(quartiles[2]),
        }


def _columns(points: Sequence[Point], fields: Sequence[str]) -> Array:
    return np.array([[point[field] for field in fields] for point in points], dtype=np.float64)
