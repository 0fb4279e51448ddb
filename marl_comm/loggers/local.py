"""The local log: metrics.jsonl as it goes, summary.json at the end. Always on."""

import contextlib
import io
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marl_comm.errors import DamagedError
from marl_comm.loggers import Point
from marl_comm.storage.digests import Prefix
from marl_comm.storage.directory import RunDirectory, to_json
from marl_comm.storage.files import METRICS, opened, opened_to_append, unreadable, unwritable

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

_COUNTS = frozenset(FIELDS[:6])


class LocalLog:
    """Appends whole lines, unbuffered: what was logged survives the death of the process."""

    def __init__(self, directory: RunDirectory, size: int = 0) -> None:
        """Open the metrics file of a directory, and drop all beyond its first `size` bytes.

        Args:
            directory: A directory that is this process's.
            size: What a resumed run had logged when it was saved.

        Raises:
            DamagedError: The file is shorter.
            InputError: It is a link, a pipe or the like.
            OutputError: The file cannot be opened.
        """
        self._directory = directory
        self._path = directory.path / METRICS
        try:
            self._file = opened_to_append(self._path)
            self._written = Prefix(self._path, size)
            self._file.truncate(size)
        except OSError as error:
            raise unwritable(self._path, error) from error

    @property
    def size(self) -> int:
        """Bytes of whole, logged steps."""
        return self._written.size

    def settled(self) -> dict[str, Any]:
        """Return size and digest of the log, which is safely on disk then; for a checkpoint.

        Raises:
            OutputError: The log cannot be written to disk.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise unwritable(self._path, error) from error
        return {"size": self._written.size, "digest": self._written.digest}

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
        self._written.add(lines)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the summary, once the metrics are safely on disk.

        Raises:
            OutputError: Metrics or summary cannot be written; there is no summary then.
        """
        self.settled()
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

    Raises:
        DamagedError: The log cannot be read, or a line of it is no point.
    """
    path = directory / METRICS
    try:
        with opened(path) as raw, io.BufferedReader(raw) as file:
            points = (
                _point(line, number, path)
                for number, line in enumerate(file, start=1)
                if line.endswith(b"\n")
            )
            for _, step in itertools.groupby(points, key=lambda point: point["local_step"]):
                yield list(step)
    except OSError as error:
        raise unreadable(path, error) from error


def _point(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        point = json.loads(line)
    except (ValueError, RecursionError):
        point = None
    if not isinstance(point, dict) or not point.keys() >= _COUNTS:
        raise DamagedError(f"cannot read {path}: line {number} is torn or not a point")
    return point
