"""How far a run has come and how long it may still take."""

import contextlib
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress

from marl_comm.loggers.judged import judged_by

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_REDRAWS = 0.1


class Progress:
    """A bar on a terminal; elsewhere a plain line now and then, and always the first and last.

    Seeds may end before their last local update, so the time left is an upper bound.
    """

    def __init__(
        self,
        total: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        quiet: bool = False,
    ) -> None:
        """Start the clock.

        Args:
            total: Local updates of the run, at most.
            stream: Where to write; standard error by default.
            clock: Seconds.
            quiet: Whether to show nothing.
        """
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._start = clock()
        self._shown_at: float | None = None
        self._quiet = quiet
        self._counts = (0, 0, 0)
        self._result: Callable[[], str | None] = lambda: None
        self._began_at = 0  # above 0 in a run that is resumed
        console = Console(file=self._stream)
        self._bar: RichProgress | None = None
        self._interval = SECONDS_BETWEEN_LINES
        if not quiet and console.is_terminal and not console.is_dumb_terminal:
            self._interval = SECONDS_BETWEEN_REDRAWS
            self._bar = RichProgress(
                BarColumn(bar_width=10),
                TextColumn("{task.description}", markup=False),
                console=console,
                auto_refresh=False,
            )
            self._task = self._bar.add_task("", total=total)
            self._bar.start()

    def update(
        self,
        local_step: int,
        rounds: int,
        samples: int,
        result: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Take the counts so far, and show them when it is time to.

        Args:
            local_step: Local updates done, out of the total.
            rounds: Communication rounds of a seed.
            samples: Samples of a seed.
            result: Says how good the policies are, when it is shown.
        """
        if self._quiet:
            return
        if self._shown_at is None:
            self._began_at = local_step
        self._counts = (local_step, rounds, samples)
        self._result = result
        now = self._clock()
        if self._shown_at is None or now - self._shown_at >= self._interval:
            self._show(now)

    def close(self) -> None:
        """Show the last counts and give the terminal back."""
        if self._shown_at is not None:
            self._show(self._clock(), ended=True)
        if self._bar is not None:
            self._bar.stop()

    def __enter__(self) -> Self:
        """Use `with`: the terminal is given back however the block ends."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _show(self, now: float, ended: bool = False) -> None:
        self._shown_at = now
        text = self._text(now - self._start, ended)
        # A terminal that has gone away must not take the run with it.
        with contextlib.suppress(OSError):
            if self._bar is None:
                print(text, file=self._stream, flush=True)
            else:
                self._bar.update(
                    self._task, completed=self._counts[0], description=text, refresh=True
                )

    def _text(self, seconds: float, ended: bool) -> str:
        local_step, rounds, samples = self._counts
        text = f"local update {local_step:,}/{self._total:,}, round {rounds:,}"
        text += f", {samples:,} samples"
        if (result := self._result()) is not None:
            text += f", {result}"
        if local_step > self._began_at and seconds > 0:
            rate = (local_step - self._began_at) / seconds
            text += f", {rate:,.0f} updates/s" if rate >= 10 else f", {rate:.2f} updates/s"
            left = (self._total - local_step) / rate
            text += f", took {duration(seconds)}" if ended else f", <= {duration(left)} left"
        return text


_WORDS = {"nash_gap": "gap", "evaluation_sampled_return": "return"}


def mean_result(figures: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the mean over seeds of what a run is judged by, in few words. See `judged_by`."""
    if (judged := judged_by(figures)) is None:
        return None
    name, values = judged
    return f"{_WORDS[name]} {sum(values) / len(values):.3g}"


def duration(seconds: float) -> str:
    """Return hours, minutes and seconds, such as 1:02:03 or 0:07; part seconds count as whole."""
    whole = math.ceil(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
