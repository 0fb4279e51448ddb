"""Ctrl-C and SIGTERM: finish the local update, save, and only then end."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import cache
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SECONDS_BETWEEN_LOOKS = 0.5


class Interrupted(KeyboardInterrupt):
    """The run was asked to end.

    Attributes:
        exit_code: 128 plus the signal's number, as shells report it.
        left: What the run has left behind, in words.
    """

    def __init__(self, number: int, left: str) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number
        self.left = left


SAVED = "saved; the same command again continues the sweep"
FINISHED = "the run is finished"  # it was too late to keep it from its end
FAILED = "the run has failed"  # on the way to saving itself

_unanswered: list[int] = []


def raise_unanswered() -> None:
    """Raise Interrupted where the last run has failed after a signal had come."""
    if _unanswered:
        raise Interrupted(_unanswered.pop(), FAILED)


class Interruption:
    """While in use, remembers the first such signal; a second one ends the program at once."""

    def __init__(self) -> None:
        self._received: int | None = None
        self._previous: dict[int, object] = {}

    def raise_if_requested(self, left: str) -> None:
        """Raise Interrupted where a signal has come.

        Args:
            left: What the run has left behind, in words.
        """
        if self._received is not None:
            raise Interrupted(self._received, left)

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self._received is not None

    def __enter__(self) -> Self:
        # Only a process's main thread may set handlers; elsewhere signals are not ours to take.
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._restore()
        _unanswered.clear()
        if self._received is not None and isinstance(error, Exception):
            _unanswered.append(self._received)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = number
        self._restore()

    def _restore(self) -> None:
        while self._previous:
            number, handler = self._previous.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type]


@contextlib.contextmanager
def ending_by_sigterm() -> Iterator[None]:
    """Make SIGTERM end the block as Ctrl-C does, so that what there is to say is still said."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number, SAVED)

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@cache
def end_with_parent() -> None:
    """End this process soon after the one that started it, also where that one is killed.

    What it plays can be resumed.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
