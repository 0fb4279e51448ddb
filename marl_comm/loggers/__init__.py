"""Where the logged points of a run go: one small protocol, one file per backend."""

import contextlib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

Point = Mapping[str, float]
"""One seed's state after one local update; the fields of docs/run_directory.md."""


class Logger(Protocol):
    """Receives the points of a run as they come, then its summary."""

    def log(self, points: Sequence[Point]) -> None:
        """Take the points of one local update, one per seed that is logged there."""

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Take the summary of a run that came to its normal end."""

    def close(self) -> None:
        """Release everything. Without `finish` before it, the run counts as broken off."""


class Mirror(Logger, Protocol):
    """A logger beside the local one, which a resumed run shows all its earlier points again."""

    def remove_earlier(self) -> None:
        """Remove what earlier parts of the run left, now that this one has it all."""


class MultiLogger:
    """Passes everything on to several loggers, in their order; closes them in any event.

    List the local log first: what the others do then cannot keep a point from it.
    """

    def __init__(self, loggers: Sequence[Logger]) -> None:
        """Take over the loggers, which this one will close."""
        self._loggers = tuple(loggers)

    def log(self, points: Sequence[Point]) -> None:
        """Pass the points on."""
        for logger in self._loggers:
            logger.log(points)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Pass the summary on."""
        for logger in self._loggers:
            logger.finish(summary)

    def close(self) -> None:
        """Close every logger, also when closing one of them fails."""
        with contextlib.ExitStack() as stack:
            for logger in reversed(self._loggers):
                stack.callback(logger.close)

    def __enter__(self) -> Self:
        """Use `with`: the loggers are closed however the block ends."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
