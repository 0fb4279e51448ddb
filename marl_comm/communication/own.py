"""A schedule of the user's own: `communication=own communication.class=mypkg.rounds:Growing`."""

from collections.abc import Iterator
from typing import Literal, final

from marl_comm.communication.schedule import Schedule
from marl_comm.communication.settings import DriftingSettings
from marl_comm.options.answers import RunSettings
from marl_comm.options.own import OwnOption, imported, made
from marl_comm.randomness import Streams
from marl_comm.settings import Count

_KEY = "communication.class"


@final
class OwnScheduleSettings(DriftingSettings, OwnOption):
    """A class of the user's own, a subclass of `communication.schedule.Schedule`.

    It is made with one random generator per seed of the run, and the arguments.

    Attributes:
        max_local_updates: The most local updates that a round of it can last.
    """

    name: Literal["own"]
    max_local_updates: Count

    @property
    def longest_round(self) -> int:
        """What the user says."""
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

    def ready(self) -> None:
        """Import the class.

        Raises:
            InputError: It cannot be had.
        """
        imported(self.class_, _KEY, Schedule)

    def schedule(self, streams: Streams) -> Schedule:
        """Return the schedule, with one random generator per seed."""
        kind = imported(self.class_, _KEY, Schedule)
        return made(kind, self.class_, _KEY, streams.of("schedule"), **self.arguments)
