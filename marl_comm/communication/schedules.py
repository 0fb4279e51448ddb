"""When agents communicate: one class per schedule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from marl_comm.arrays import BoolArray, IntArray
from marl_comm.experience import Staleness


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


class Schedule(Protocol):
    """Says, before each local update, which seeds communicate first."""

    def due(self, clock: Clock, weigh: Callable[[], Staleness]) -> BoolArray:
        """Return (rows,) of bool. `weigh` measures the staleness of the data, at a cost."""


class Unlimited:
    """A round before every local update: the unconstrained reference."""

    def due(self, clock: Clock, weigh: Callable[[], Staleness]) -> BoolArray:
        """Every seed, always."""
        return np.ones(len(clock.seed_rows), dtype=np.bool_)


class Periodic:
    """A round every `period` local updates."""

    def __init__(self, period: int) -> None:
        """Set the number of local updates per round."""
        self._period = period

    def due(self, clock: Clock, weigh: Callable[[], Staleness]) -> BoolArray:
        """The seeds that have made `period` local updates since their latest round."""
        return np.asarray(clock.updates >= self._period)


class Missing:
    """At each local update new data arrive with probability 1 - `probability`, independently.

    What does not arrive is neither played nor paid for: an agent updates from what it has.
    """

    def __init__(self, probability: float, generators: Sequence[np.random.Generator]) -> None:
        """Set the probability, and one generator per seed of the run."""
        self._probability = probability
        self._generators = generators

    def due(self, clock: Clock, weigh: Callable[[], Staleness]) -> BoolArray:
        """The seeds whose draw says that data arrive."""
        draws = np.array([self._generators[row].random() for row in clock.seed_rows])
        return np.asarray(draws >= self._probability)


class Adaptive:
    """A round when the effective sample size falls below a threshold, or after a longest time."""

    def __init__(self, ess_threshold: float, max_local_updates: int) -> None:
        """Set the threshold, a share of the samples, and the most local updates per round."""
        self._ess_threshold = ess_threshold
        self._max_local_updates = max_local_updates

    def due(self, clock: Clock, weigh: Callable[[], Staleness]) -> BoolArray:
        """The seeds whose data are worth too little for their current policy, or too old."""
        too_stale = weigh().ess < self._ess_threshold
        return np.asarray(too_stale | (clock.updates >= self._max_local_updates))


class WithFirstRound:
    """Any schedule, with a first round at once, and short first rounds if so wished.

    Before the first round there are no gradients to predict from; short first rounds keep their
    data from deciding where learning goes.
    """

    def __init__(self, schedule: Schedule, warmup: int | None, warmup_rounds: int = 1) -> None:
        """Let the first rounds last at most `warmup` local updates each (None: as long as any)."""
        self._schedule = schedule
        self._warmup = warmup
        self._warmup_rounds = warmup_rounds

    def due(self, clock: Clock, weigh: Callable[[], Staleness]) -> BoolArray:
        """Seeds without data; seeds at the end of their warm-up; else as the schedule says.

        At least one local update separates two rounds.
        """
        without_data = clock.rounds == 0
        if without_data.all():
            return np.asarray(without_data)
        due = self._schedule.due(clock, weigh) & (clock.updates >= 1)
        if self._warmup is not None:
            due |= (clock.rounds <= self._warmup_rounds) & (clock.updates >= self._warmup)
        return np.asarray(due | without_data)
