"""What the loop asks of a schedule, and the first rounds that all schedules have."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from marl_comm.arrays import Array, BoolArray, IntArray
from marl_comm.experience import Staleness
from marl_comm.experience.quotient import Signal


@dataclass(frozen=True)
class Clock:
    """Where each active seed stands.

    Attributes:
        seed_rows: (rows,), which of the run's seeds the rows are.
        rounds: (rows,), communication rounds so far.
        updates: (rows,), local updates since the latest round.
    """

    seed_rows: IntArray
    rounds: IntArray
    updates: IntArray


class Data(Protocol):
    """What a schedule may ask about the data of all active seeds, each at a cost."""

    def weigh(self) -> Staleness:
        """Return how far the current policies are from those that the data came from."""

    def signal(self) -> Signal:
        """Return what the coming update promises, and how much of that may be noise.

        Raises:
            TypeError: Policies are networks.
        """

    def value_change(self) -> Array:
        """Return by how much the estimated team value has risen since the latest round, (rows,).

        Raises:
            TypeError: Policies are networks.
        """


class Schedule(ABC):
    """Says, before each local update, which seeds communicate first."""

    @abstractmethod
    def due(self, clock: Clock, data: Data) -> BoolArray:
        """Return which seeds communicate, (rows,).

        Args:
            clock: Where each active seed stands.
            data: What they have learned from so far.
        """


class WithFirstRound(Schedule):
    """Any schedule, with a first round at once, and short first rounds if so wished.

    Before the first round there are no gradients to predict from; short first rounds keep their
    data from deciding where learning goes.
    """

    def __init__(self, schedule: Schedule, warmup: int | None, warmup_rounds: int = 1) -> None:
        """Let the first rounds last at most `warmup` local updates each (None: as long as any)."""
        self._schedule = schedule
        self._warmup = warmup
        self._warmup_rounds = warmup_rounds

    def due(self, clock: Clock, data: Data) -> BoolArray:
        """Seeds without data; seeds at the end of their warm-up; else as the schedule says.

        At least one local update separates two rounds.
        """
        without_data = clock.rounds == 0
        if without_data.all():
            return np.asarray(without_data)
        due = self._schedule.due(clock, data) & (clock.updates >= 1)
        if self._warmup is not None:
            due |= (clock.rounds <= self._warmup_rounds) & (clock.updates >= self._warmup)
        return np.asarray(due | without_data)
