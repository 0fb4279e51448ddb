from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from marl_comm.loggers import MultiLogger, Point

LOGGERS = ("local", "wandb")


class Recorder:
    """Notes what it is told, in a list shared with others; fails where it is told to."""

    def __init__(self, name: str, notes: list[tuple[str, str]], fails_in: str = "") -> None:
        self._name = name
        self._notes = notes
        self._fails_in = fails_in

    def _note(self, call: str) -> None:
        self._notes.append((self._name, call))
        if call == self._fails_in:
            raise RuntimeError(f"{self._name} {call}")

    def log(self, points: Sequence[Point]) -> None:
        self._note("log")

    def finish(self, summary: Mapping[str, Any]) -> None:
        self._note("finish")

    def close(self) -> None:
        self._note("close")


def run(loggers: Sequence[Recorder]) -> None:
    with MultiLogger(loggers) as logger:
        logger.log([])
        logger.finish({})


def test_calls_reach_every_logger_in_order() -> None:
    notes: list[tuple[str, str]] = []
    run([Recorder(name, notes) for name in LOGGERS])
    assert notes == [(name, call) for call in ("log", "finish", "close") for name in LOGGERS]


@pytest.mark.parametrize("broken", ["local", "wandb"])
@pytest.mark.parametrize("call", ["log", "finish", "close"])
def test_every_logger_is_closed_whatever_fails(broken: str, call: str) -> None:
    notes: list[tuple[str, str]] = []
    loggers = [Recorder(name, notes, call if name == broken else "") for name in LOGGERS]
    with pytest.raises(RuntimeError, match=f"{broken} {call}"):
        run(loggers)
    assert [note for note in notes if note[1] == "close"] == [(name, "close") for name in LOGGERS]
