"""A round when the data have become too old for the current policy."""

from collections.abc import Iterator
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.arrays import BoolArray
from marl_comm.communication.schedule import Clock, Data, Schedule
from marl_comm.communication.settings import DriftingSettings
from marl_comm.options.answers import RunSettings
from marl_comm.randomness import Streams
from marl_comm.settings import Count

USUAL_ROUND = 15  # local updates; only used to tell beforehand how long a run takes


@final
class AdaptiveSettings(DriftingSettings):
    """A round once importance weights degenerate.

    Attributes:
        ess_threshold: Effective sample size, as a share of the samples, that triggers a round.
        max_local_updates: Most local updates between two rounds.
    """

    name: Literal["adaptive"]
    ess_threshold: Annotated[float, Field(gt=0, lt=1)]
    max_local_updates: Count

    @property
    def longest_round(self) -> int:
        """The most local updates between two rounds."""
        return self.max_local_updates

    @property
    def ends_by_itself(self) -> bool:
        """Yes."""
        return True

    @property
    def draws(self) -> bool:
        """No: the data decide."""
        return False

    def expected_rounds(self, local_updates: int) -> float:
        """A usual number."""
        return local_updates / USUAL_ROUND

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()

    def schedule(self, streams: Streams) -> Schedule:
        """Return the schedule."""
        return Adaptive(self.ess_threshold, self.max_local_updates)


class Adaptive(Schedule):
    """A round when the effective sample size falls below a threshold, or after a longest time."""

    def __init__(self, ess_threshold: float, max_local_updates: int) -> None:
        """Set the threshold, a share of the samples, and the most local updates per round."""
        self._ess_threshold = ess_threshold
        self._max_local_updates = max_local_updates

    def due(self, clock: Clock, data: Data) -> BoolArray:
        """The seeds whose data are worth too little for their current policy, or too old."""
        too_stale = data.weigh().ess < self._ess_threshold
        return np.asarray(too_stale | (clock.updates >= self._max_local_updates))
