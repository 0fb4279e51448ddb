"""A round before every local update: the unconstrained reference."""

from collections.abc import Iterator
from typing import Literal, final

import numpy as np

from marl_comm.arrays import BoolArray
from marl_comm.communication.schedule import Clock, Data, Schedule
from marl_comm.options.answers import CommunicationSettings, RunSettings
from marl_comm.randomness import Streams


@final
class UnlimitedSettings(CommunicationSettings):
    """A round at every local update."""

    name: Literal["unlimited"]

    @property
    def every_update(self) -> bool:
        """Yes."""
        return True

    @property
    def longest_round(self) -> int:
        """One local update."""
        return 1

    @property
    def ends_by_itself(self) -> bool:
        """No."""
        return False

    @property
    def draws(self) -> bool:
        """No."""
        return False

    @property
    def first_rounds(self) -> int | None:
        """As any other round."""
        return None

    def expected_rounds(self, local_updates: int) -> float:
        """As many as local updates."""
        return local_updates

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()

    def schedule(self, streams: Streams) -> Schedule:
        """Return the schedule."""
        return Unlimited()


class Unlimited(Schedule):
    """A round before every local update."""

    def due(self, clock: Clock, data: Data) -> BoolArray:
        """Every seed, always."""
        return np.ones(len(clock.seed_rows), dtype=np.bool_)
