"""Turns the training loop's state into logged points, first arrivals and final policies."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from marl_comm.arrays import AnyArray, Array, BoolArray, IntArray
from marl_comm.communication.ledger import Ledger
from marl_comm.games.game import Evaluation
from marl_comm.learners.learner import Trained
from marl_comm.loggers import Logger, Point
from marl_comm.loggers.progress import mean_result
from marl_comm.rows import Fixed, Rows, Saveable, Shared, record

Progress = Callable[[int, int, int, Callable[[], str | None]], None]


@record
class Recorder(Saveable):
    """Logs every `every`-th local update and remembers when each gap threshold was first reached.

    Attributes:
        final: What the seeds have learned, arrays by name, first axis seeds; complete once all
            have ended.
    """

    final: Shared[dict[str, AnyArray]]  # names are added when the first seed ends
    _smallest_gap: Rows[Array]
    _unlogged: Rows[BoolArray]
    _reached: Shared[list[dict[str, dict[str, int] | None]]]
    _last: Shared[list[dict[str, Any]]]
    _figures: Shared[list[dict[str, float]]]
    _ended: Shared[list[dict[str, Any]]]
    _seeds: Fixed[IntArray]
    _ledger: Fixed[Ledger]
    _logger: Fixed[Logger]
    _progress: Fixed[Progress]
    _observe: Fixed[Callable[[Sequence[Point]], None]]
    _thresholds: Fixed[list[float]]
    _every: Fixed[int]
    _stop_at_smallest_gap: Fixed[bool]

    def __init__(
        self,
        seeds: Sequence[int],
        ledger: Ledger,
        logger: Logger,
        progress: Progress,
        observe: Callable[[Sequence[Point]], None],
        *,
        gap_thresholds: Sequence[float],
        every: int,
        stop_at_smallest_gap: bool,
    ) -> None:
        """Start with no points.

        Args:
            seeds: The seeds of the run, in row order.
            ledger: Where the loop books communication.
            logger: Receives the points.
            progress: Called with local update, rounds and samples (means over the seeds), and
                with what says how good the policies are.
            observe: Sees every point, logged or not.
            gap_thresholds: Nash gaps whose first arrival is reported.
            every: Local updates between logged points; the first and last are always logged.
            stop_at_smallest_gap: Whether a seed ends at the smallest threshold.
        """
        self.final = {}
        self._seeds = np.asarray(seeds)
        self._ledger = ledger
        self._logger = logger
        self._progress = progress
        self._observe = observe
        self._thresholds = sorted(gap_thresholds, reverse=True)
        self._every = every
        self._stop_at_smallest_gap = stop_at_smallest_gap
        self._reached = [
            {format(threshold, "g"): None for threshold in self._thresholds} for _ in seeds
        ]
        self._smallest_gap = np.full(len(seeds), np.inf)
        self._last = [{} for _ in seeds]
        self._figures = [{} for _ in seeds]
        self._ended = [{} for _ in seeds]
        self._unlogged = np.zeros(len(seeds), dtype=np.bool_)

    def record(
        self,
        seed_rows: IntArray,
        local_step: int,
        evaluation: Evaluation,
        learner: Trained,
    ) -> BoolArray:
        """Log the point if its turn has come; return which seeds are at their goal."""
        if "nash_gap" in evaluation:
            gaps = evaluation["nash_gap"]
            for position in np.flatnonzero(gaps < self._smallest_gap[seed_rows]):
                self._arrive(seed_rows[position], local_step, float(gaps[position]))
        logged = local_step % self._every == 0
        points = self._points(seed_rows, local_step, evaluation, learner)
        for row, point in zip(seed_rows, points, strict=True):
            self._last[row] = point
            known = {name: point[name] for name in evaluation if not np.isnan(point[name])}
            self._figures[row].update(known)
        self._observe(points)
        if logged:
            self._logger.log(points)
        self._unlogged[seed_rows] = not logged
        self._progress(
            local_step,
            int(self._ledger.rounds.mean()),
            int(self._ledger.samples.mean()),
            self._result,
        )
        if not self._stop_at_smallest_gap:
            return np.zeros(len(seed_rows), dtype=np.bool_)
        return np.asarray(self._smallest_gap[seed_rows] <= self._thresholds[-1])

    def stop(self, seed_rows: IntArray, reason: str, final: Mapping[str, AnyArray]) -> None:
        """Log the last point of seeds that end, and keep what they have learned."""
        for name, array in final.items():
            if name not in self.final:
                self.final[name] = np.zeros((len(self._seeds), *array.shape[1:]), array.dtype)
            self.final[name][seed_rows] = array
        late = [self._last[row] for row in seed_rows if self._unlogged[row]]
        if late:
            self._logger.log(late)
        for row in seed_rows:
            self._ended[row] = {"stopped_by": reason}

    def summary(self) -> list[dict[str, Any]]:
        """Return one object per seed: the last known of each figure, arrivals at thresholds."""
        summaries = []
        columns = (self._last, self._figures, self._ended, self._reached)
        for last, figures, ended, reached in zip(*columns, strict=True):
            summaries.append(
                {
                    "seed": last["seed"],
                    "rounds": last["round"],
                    "local_steps": last["local_step"],
                    "samples": last["samples"],
                    "bytes_up": last["bytes_up"],
                    "bytes_down": last["bytes_down"],
                    **figures,
                    **ended,
                    **({"reached": reached} if "nash_gap" in figures else {}),
                }
            )
        return summaries

    def _result(self) -> str | None:
        return mean_result(self._figures)

    def _arrive(self, row: int, local_step: int, gap: float) -> None:
        self._smallest_gap[row] = gap
        for threshold in self._thresholds:
            key = format(threshold, "g")
            if gap <= threshold and self._reached[row][key] is None:
                self._reached[row][key] = {
                    "round": int(self._ledger.rounds[row]),
                    "local_step": local_step,
                    "samples": int(self._ledger.samples[row]),
                    "bytes_up": int(self._ledger.bytes_up[row]),
                    "bytes_down": int(self._ledger.bytes_down[row]),
                }

    def _points(
        self,
        seed_rows: IntArray,
        local_step: int,
        evaluation: Evaluation,
        learner: Trained,
    ) -> list[dict[str, Any]]:
        ledger = self._ledger
        columns = {
            "seed": self._seeds[seed_rows],
            "round": ledger.rounds[seed_rows],
            "local_step": np.full(len(seed_rows), local_step),
            "samples": ledger.samples[seed_rows],
            "bytes_up": ledger.bytes_up[seed_rows],
            "bytes_down": ledger.bytes_down[seed_rows],
            **evaluation,
            **learner.diagnostics(),
        }
        lists = [column.tolist() for column in columns.values()]
        return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]
