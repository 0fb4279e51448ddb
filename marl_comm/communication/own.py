"""A schedule of the user's own: `communication=own communication.class=mypkg.rounds:Growing`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from marl_comm.arrays import Array, BoolArray
from marl_comm.communication.schedule import Clock, Data, Schedule
from marl_comm.communication.settings import DriftingSettings
from marl_comm.experience import Staleness
from marl_comm.experience.quotient import Signal
from marl_comm.options.answers import RunSettings
from marl_comm.options.own import OwnOption, imported, made
from marl_comm.options.watched import Checks, kind, watched
from marl_comm.randomness import Streams
from marl_comm.settings import Count

_KEY = "communication.class"


@final
class OwnScheduleSettings(DriftingSettings, OwnOption):
    """A class of the user's own, a subclass of `communication.schedule.Schedule`.

    It is made with one random generator per seed of the run, and the arguments.

    Attributes:
        max_local_updates: Most local updates between two rounds, whatever the class says.
    """

    name: Literal["own"]
    max_local_updates: Count

    @property
    def longest_round(self) -> int:
        """The most local updates between two rounds."""
        return self.max_local_updates

    @property
    def ends_by_itself(self) -> bool:
        """It may."""
        return True

    @property
    def draws(self) -> bool:
        """It may: each seed has a random generator for it."""
        return True

    def expected_rounds(self, local_updates: int) -> float:
        """At least one in the longest time."""
        return local_updates / self.max_local_updates

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()

    def ready(self, run: RunSettings) -> None:
        """Import the class, and ask it once.

        Raises:
            InputError: It cannot be had, or its answer is not what it must be.
        """
        streams = Streams(range(run.seed, run.seed + run.num_seeds))
        rows = np.arange(run.num_seeds)
        clock = Clock(rows, np.ones_like(rows), np.ones_like(rows))
        self.schedule(streams).due(clock, _Fresh(run.num_seeds))

    def schedule(self, streams: Streams) -> Schedule:
        """Return the schedule, with one random generator per seed.

        Raises:
            InputError: The class cannot be had, or refuses the arguments.
        """
        of = imported(self.class_, _KEY, Schedule)
        named = f"{_KEY}={self.class_}"
        checking = watched(of, _CheckedSchedule, named, longest_round=self.longest_round)
        return made(checking, self.class_, _KEY, streams.of("schedule"), **self.arguments)


@dataclass(frozen=True)
class _Fresh:
    """Data as fresh as can be, from which there is nothing to gain, of so many seeds."""

    seeds: int

    def weigh(self) -> Staleness:
        ones, zeros = np.ones(self.seeds), np.zeros(self.seeds)
        return Staleness(ones, zeros, zeros.astype(np.int64), mean_weight=ones)

    def signal(self) -> Signal:
        zeros = np.zeros(self.seeds)
        return Signal(np.zeros((self.seeds, 1, 2)), zeros, zeros)

    def value_change(self) -> Array:
        return np.zeros(self.seeds)


class _CheckedSchedule(Checks, Schedule):
    """Checks what the user's class returns.

    Attributes:
        longest_round: The most local updates between two rounds.
    """

    longest_round: int

    def due(self, clock: Clock, data: Data) -> BoolArray:
        """Return which seeds communicate, checked; those whose data are too old do anyway."""
        with self.calling("due"):
            found = super().due(clock, data)  # type: ignore[safe-super]
        shape = clock.seed_rows.shape
        boolean = isinstance(found, np.ndarray) and found.dtype == np.bool_
        if not boolean or found.shape != shape:
            raise self.wrong("due", f"must give a bool array of shape {shape}, not {kind(found)}")
        return np.asarray(found | (clock.updates >= self.longest_round))
