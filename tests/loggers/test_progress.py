import io
import re

import pytest

from marl_comm.loggers.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def play(stream: io.StringIO, seconds_per_step: float, steps: int, total: int) -> list[str]:
    """Return what was written, in pieces that each start a line or redraw one."""
    clock = Clock()
    with Progress(total, stream, clock) as progress:
        for local_step in range(steps + 1):
            progress.update(local_step, local_step // 10, local_step // 10 * 1000)
            clock.seconds += seconds_per_step
    return stream.getvalue().splitlines()


def test_lines_at_most_every_ten_seconds_and_always_the_first_and_the_last() -> None:
    assert play(io.StringIO(), seconds_per_step=0.5, steps=43, total=50) == [
        "local update 0/50, round 0, 0 samples",
        "local update 20/50, round 2, 2,000 samples, 2.00 updates/s, <= 0:15 left",
        "local update 40/50, round 4, 4,000 samples, 2.00 updates/s, <= 0:05 left",
        "local update 43/50, round 4, 4,000 samples, 1.95 updates/s, took 0:22",
    ]


def test_a_short_run_has_a_first_and_a_last_line() -> None:
    assert play(io.StringIO(), seconds_per_step=0.001, steps=2000, total=2000) == [
        "local update 0/2,000, round 0, 0 samples",
        "local update 2,000/2,000, round 200, 200,000 samples, 1,000 updates/s, took 0:03",
    ]


def test_the_rate_of_a_resumed_run_counts_what_was_done_since() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(100, stream, clock) as progress:
        for local_step in range(80, 91):
            progress.update(local_step, 8, 8000)
            clock.seconds += 1
    assert stream.getvalue().splitlines() == [
        "local update 80/100, round 8, 8,000 samples",
        "local update 90/100, round 8, 8,000 samples, 1.00 updates/s, <= 0:10 left",
        "local update 90/100, round 8, 8,000 samples, 0.91 updates/s, took 0:11",
    ]


def test_nothing_is_shown_of_a_run_that_never_began() -> None:
    stream = io.StringIO()
    Progress(10, stream).close()
    assert stream.getvalue() == ""


def test_a_terminal_gets_one_line_that_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    play(stream, seconds_per_step=0.001, steps=1000, total=2000)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    redraws = re.findall(r"update ([\d,]+)/2,000", shown)
    assert redraws[0] == "0"
    assert redraws[-1] == "1,000"
    assert 10 <= len(redraws) <= 14  # ten a second, the first and the last
    assert shown.rstrip("\n").count("\n") == 0
    assert "round 50, 50,000 samples, 1,000 updates/s, <= 0:02 left" in shown


def test_a_terminal_without_cursor_movement_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    lines = play(Terminal(), seconds_per_step=0.001, steps=100, total=100)
    assert [line.split(",")[0] for line in lines] == ["local update 0/100", "local update 100/100"]


def test_a_stream_that_fails_does_not_end_the_run() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(32, "Broken pipe")

    play(Broken(), seconds_per_step=1, steps=30, total=30)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (0.2, "0:01"), (59.5, "1:00"), (61, "1:01"), (3600, "1:00:00")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
