"""The local log: metrics.jsonl as it goes, summary.json at the end. Always on."""

import contextlib
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marl_comm.loggers import Point
from marl_comm.storage.directory import RunDirectory, to_json
from marl_comm.storage.files import METRICS, unwritable

FIELDS = (
    "seed",
    "round",
    "local_step",
    "samples",
    "bytes_up",
    "bytes_down",
    "value",
    "nash_gap",
    "ess",
    "divergence",
)
"""What comes first in a point, in this order, where it is there; further fields follow by name."""


class LocalLog:
    """Appends whole lines, unbuffered: what was logged survives the death of the process."""

    def __init__(self, directory: RunDirectory, size: int = 0) -> None:
        """Open the metrics file of a directory, and drop all beyond its first `size` bytes.

        Args:
            directory: A directory that is this process's.
            size: What a resumed run had logged when it was saved.

        Raises:
            OutputError: The file cannot be opened.
        """
        self._directory = directory
        self._path = directory.path / METRICS
        self.size = size  # bytes of whole, logged steps
        try:
            self._file = self._path.open("ab", buffering=0)
            self._file.truncate(size)
        except OSError as error:
            raise unwritable(self._path, error) from error

    def log(self, points: Sequence[Point]) -> None:
        """Append one line per point; all of them or, when the disk is full, none.

        Raises:
            OutputError: The lines cannot be written; the file is as before the call.
        """
        lines = "".join(to_json(_in_order(point)) + "\n" for point in points).encode()
        unwritten = memoryview(lines)
        try:
            while unwritten:
                unwritten = unwritten[self._file.write(unwritten) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self.size)
            raise unwritable(self._path, error) from error
        self.size += len(lines)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the summary, once the metrics are safely on disk.

        Raises:
            OutputError: Metrics or summary cannot be written; there is no summary then.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise unwritable(self._path, error) from error
        self._directory.write_summary(summary)

    def close(self) -> None:
        """Close the metrics file."""
        self._file.close()


def _in_order(point: Point) -> dict[str, float]:
    further = sorted(point.keys() - set(FIELDS))
    return {field: point[field] for field in (*FIELDS, *further) if field in point}


def logged_steps(directory: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the points of a run directory, those of one local update at a time.

    A torn last line, as a killed run leaves it, is passed over.
    """
    with (directory / METRICS).open(encoding="utf-8") as file:
        points = (json.loads(line) for line in file if line.endswith("\n"))
        for _, step in itertools.groupby(points, key=lambda point: point["local_step"]):
            yield list(step)
