"""New data get through by chance only."""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.arrays import BoolArray
from marl_comm.communication.schedule import Clock, Data, Schedule
from marl_comm.communication.settings import DriftingSettings
from marl_comm.options.answers import RunSettings
from marl_comm.randomness import Streams

_LONG_ROUND = 0.95  # share of the rounds that last no longer than predicted


@final
class MissingSettings(DriftingSettings):
    """At each local update new data are missing with `probability`.

    Attributes:
        probability: Of missing data, independent for every local update.
    """

    name: Literal["missing"]
    probability: Annotated[float, Field(ge=0, lt=1)]

    @property
    def longest_round(self) -> int:
        """What 95 % of the rounds do not exceed."""
        if self.probability == 0:
            return 1
        return math.ceil(math.log(1 - _LONG_ROUND) / math.log(self.probability))

    @property
    def ends_by_itself(self) -> bool:
        """Yes: nobody knows when data get through."""
        return True

    @property
    def draws(self) -> bool:
        """Yes."""
        return True

    def expected_rounds(self, local_updates: int) -> float:
        """The share of local updates at which data get through."""
        return local_updates * (1 - self.probability)

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()

    def schedule(self, streams: Streams) -> Schedule:
        """Return the schedule, which draws from a stream of its own."""
        return Missing(self.probability, streams.of("schedule"))


class Missing(Schedule):
    """At each local update new data arrive with probability 1 - `probability`, independently.

    What does not arrive is neither played nor paid for: an agent updates from what it has.
    """

    def __init__(self, probability: float, generators: Sequence[np.random.Generator]) -> None:
        """Set the probability, and one generator per seed of the run."""
        self._probability = probability
        self._generators = generators

    def due(self, clock: Clock, data: Data) -> BoolArray:
        """The seeds whose draw says that data arrive."""
        draws = np.array([self._generators[row].random() for row in clock.seed_rows])
        return np.asarray(draws >= self._probability)
