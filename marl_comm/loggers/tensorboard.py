"""Mirror of a run in TensorBoard's event files: the curves that W&B gets, under the same names."""

import contextlib
import logging
import math
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from marl_comm.errors import InputError
from marl_comm.loggers import Point
from marl_comm.loggers.curves import Curves, Row, name_of
from marl_comm.plain_text import one_line

FOLDER = "tensorboard"
"""In a run directory."""

_FILE = re.compile(r"events\.out\.tfevents\.([0-9]{1,18})")
_FLUSH_SECONDS = 5.0

_console = logging.getLogger(__name__)


class TensorBoardLogger:
    """Writes means over seeds against local updates, rounds and samples.

    Nothing that goes wrong in it can stop a run: the first failure is one warning, and the rest
    of the run is logged locally only.
    """

    def __init__(self, directory: Path, config: Mapping[str, Any], seeds: Sequence[int]) -> None:
        """Begin an event file.

        Args:
            directory: The run directory; the file goes to `tensorboard/` in it.
            config: The resolved configuration.
            seeds: Every seed of the run.

        Raises:
            InputError: The folder is a link.
        """
        # Not TensorBoard's own writer: its thread never ends where the disk is full.
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder = directory / FOLDER
        if folder.is_symlink():
            raise InputError(f"{folder} is a link: the folders of a run must be its own")
        self._directory = directory
        self._curves = Curves(config, seeds)
        self._flushed = time.monotonic()
        self._earlier: dict[int, Path] = {}
        self._records: Any = None
        try:
            folder.mkdir(exist_ok=True)
            self._earlier = {
                int(match[1]): file
                for file in folder.iterdir()
                if (match := _FILE.fullmatch(file.name)) and not file.is_symlink()
            }
            # TensorBoard reads the files of a folder in the order of their names.
            number = max(self._earlier, default=0) + 1
            file = folder / f"events.out.tfevents.{number:010d}"
            self._records = RecordWriter(file.open("xb"))
            self._begin()
        except OSError as error:
            self._give_up(error)

    def remove_earlier(self) -> None:
        """Remove what earlier parts of the run left, now that the new file has it all."""
        if self._records is None:
            return
        self._flush()
        for file in self._earlier.values():
            with contextlib.suppress(OSError):
                file.unlink()

    def log(self, points: Sequence[Point]) -> None:
        """Write every row that these points complete."""
        if self._records is not None:
            self._write(self._curves.add(points))
            if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
                self._flush()

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the remaining rows."""
        if self._records is not None:
            self._write(self._curves.rest())
            self._flush()

    def close(self) -> None:
        """Close the file."""
        if self._records is not None:
            records, self._records = self._records, None
            try:
                records.close()
            except OSError as error:
                self._give_up(error)

    def _begin(self) -> None:
        """Write the header; an open TensorBoard then drops the points of earlier files."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        now = time.time()
        start = SessionLog(status=SessionLog.START)
        for event in (
            Event(wall_time=now, file_version="brain.Event:2"),
            Event(wall_time=now, step=0, session_log=start),
        ):
            self._records.write(event.SerializeToString())
        self._records.flush()

    def _write(self, rows: Mapping[str, Sequence[Row]]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        now = time.time()
        for axis, taken in rows.items():
            for row in taken:
                values = [
                    Summary.Value(tag=name_of(field, axis), simple_value=number)
                    for field, number in row.items()
                    if field != axis and math.isfinite(number)
                ]
                event = Event(wall_time=now, step=int(row[axis]), summary=Summary(value=values))
                try:
                    self._records.write(event.SerializeToString())
                except OSError as error:
                    self._give_up(error)
                    return

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        try:
            self._records.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        _console.warning(
            "TensorBoard's file cannot be written (%s); the run continues, logged locally: %s",
            *(one_line(str(error)), self._directory),
        )
        records, self._records = self._records, None
        if records is not None:
            with contextlib.suppress(OSError):
                records.close()
