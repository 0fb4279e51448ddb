"""A round every so many local updates."""

from collections.abc import Iterator
from typing import Literal, final

import numpy as np

from marl_comm.arrays import BoolArray
from marl_comm.communication.schedule import Clock, Data, Schedule
from marl_comm.communication.settings import DriftingSettings
from marl_comm.options.answers import RunSettings
from marl_comm.randomness import Streams
from marl_comm.settings import Count


@final
class PeriodicSettings(DriftingSettings):
    """A round every `period` local updates.

    Attributes:
        period: Local updates per round.
    """

    name: Literal["periodic"]
    period: Count

    @property
    def longest_round(self) -> int:
        """The period."""
        return self.period

    @property
    def ends_by_itself(self) -> bool:
        """No."""
        return False

    @property
    def draws(self) -> bool:
        """No."""
        return False

    def expected_rounds(self, local_updates: int) -> float:
        """One each period."""
        return local_updates / self.period

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()

    def schedule(self, streams: Streams) -> Schedule:
        """Return the schedule."""
        return Periodic(self.period)


class Periodic(Schedule):
    """A round every `period` local updates."""

    def __init__(self, period: int) -> None:
        """Set the number of local updates per round."""
        self._period = period

    def due(self, clock: Clock, data: Data) -> BoolArray:
        """The seeds that have made `period` local updates since their latest round."""
        return np.asarray(clock.updates >= self._period)
