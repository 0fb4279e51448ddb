"""A round when what there is to gain is less than the noise that fresh data would take away."""

from collections.abc import Iterator
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.arrays import BoolArray
from marl_comm.communication.adaptive import USUAL_ROUND
from marl_comm.communication.schedule import Clock, Data, Schedule
from marl_comm.communication.settings import DriftingSettings
from marl_comm.options.answers import RunSettings
from marl_comm.randomness import Streams
from marl_comm.settings import Count


@final
class NoiseSettings(DriftingSettings):
    """A round once the noise of old data outweighs what an update gains.

    Attributes:
        noise_factor: On the noise that fresh data would take away.
        ess_floor: Effective sample size, as a share of the samples, that triggers a round as well.
        max_local_updates: Most local updates between two rounds.
    """

    name: Literal["noise"]
    noise_factor: Annotated[float, Field(gt=0, le=1e6)]
    ess_floor: Annotated[float, Field(ge=0, lt=1)]
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
        """It needs samples, and estimates whose noise is known."""
        if run.game.policies == "networks":
            yield (
                f"communication=noise game={run.game.name}: the noise of action values is only "
                "known for tabular games; choose communication=adaptive, periodic or missing"
            )
        elif run.exact:
            yield (
                "communication=noise samples_per_round=null: exact action values have no noise; "
                "set samples_per_round to a number or communication=adaptive"
            )

    def schedule(self, streams: Streams) -> Schedule:
        """Return the schedule."""
        return Noise(self.noise_factor, self.ess_floor, self.max_local_updates)


class Noise(Schedule):
    """A round when an update's gain is noise that is due to old data, or in time.

    Learning on old data stops at a point where their own estimates have nothing left to gain,
    whatever the effective sample size is there. An estimate's noise is that of fresh data divided
    by the effective sample size, so that the share 1 - ess of it would go with a new round. Where
    fresh data are noisy, too, communicating at once again would be of no use.
    """

    def __init__(self, factor: float, ess_floor: float, max_local_updates: int) -> None:
        """Set the factor on the noise, the floor, and the most local updates per round."""
        self._factor = factor
        self._ess_floor = ess_floor
        self._max_local_updates = max_local_updates

    def due(self, clock: Clock, data: Data) -> BoolArray:
        """The seeds that would go on by noise, from too little, or for too long."""
        signal, ess = data.signal(), data.weigh().ess
        avoidable = signal.noise * np.maximum(1.0 - ess, 0.0)
        lost = (signal.gain <= self._factor * avoidable) & (ess < 1)
        too_stale = ess < self._ess_floor
        return np.asarray(lost | too_stale | (clock.updates >= self._max_local_updates))
