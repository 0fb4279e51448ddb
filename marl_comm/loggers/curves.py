"""Means over seeds that each move along an axis at their own pace."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from marl_comm.arrays import Array
from marl_comm.loggers import Point

Row = dict[str, float]


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
