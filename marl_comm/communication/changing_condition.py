"""The changing condition: a round when the value has changed, or after a number of updates."""

import math
from collections.abc import Iterator
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.arrays import BoolArray
from marl_comm.communication.schedule import Clock, Data, Schedule
from marl_comm.communication.settings import DriftingSettings
from marl_comm.options.answers import RunSettings
from marl_comm.randomness import Streams
from marl_comm.settings import Magnitude

_ROUNDING = 1e-9  # whole numbers of local updates stay whole


@final
class ChangingConditionSettings(DriftingSettings):
    """A round once the value has changed, or a number of local updates has passed.

    That there are two parts is known from the reviews of Xiong & Singh 2026 (arXiv 2601.12518),
    and so is the second, local updates of at least a constant times epsilon^(-1/4). That the first
    is a change by a constant times epsilon^(3/4) is derived: docs/method.md.

    Attributes:
        epsilon: The Nash gap that learning is to reach.
        value_constant: Factor on epsilon^(3/4): the change of value that triggers a round.
        step_constant: Factor on epsilon^(-1/4): the most local updates between two rounds.
    """

    name: Literal["changing_condition"]
    epsilon: Annotated[float, Field(gt=0, le=1)]
    value_constant: Magnitude
    step_constant: Magnitude

    @property
    def value_change(self) -> float:
        """The change of value that triggers a round."""
        return float(self.value_constant * self.epsilon**0.75)

    @property
    def longest_round(self) -> int:
        """The most local updates between two rounds."""
        most: float = self.step_constant * self.epsilon**-0.25
        return max(1, math.floor(most + _ROUNDING))

    @property
    def ends_by_itself(self) -> bool:
        """Yes."""
        return True

    @property
    def draws(self) -> bool:
        """No: the data decide."""
        return False

    def expected_rounds(self, local_updates: int) -> float:
        """As many as if the value never changed."""
        return local_updates / self.longest_round

    def problems(self, run: RunSettings) -> Iterator[str]:
        """It needs tables."""
        if run.game.policies == "networks":
            yield (
                f"communication=changing_condition game={run.game.name}: values are only estimated "
                "for tabular games; choose communication=adaptive, periodic or missing"
            )

    def schedule(self, streams: Streams) -> Schedule:
        """Return the schedule."""
        return ChangingCondition(self.value_change, self.longest_round)


class ChangingCondition(Schedule):
    """A round when the estimated team value has changed enough, or after a longest time.

    With exact action values of a one-shot game it is the potential that is looked at.
    """

    def __init__(self, value_change: float, max_local_updates: int) -> None:
        """Set the change, in units of reward, and the most local updates per round."""
        self._value_change = value_change
        self._max_local_updates = max_local_updates

    def due(self, clock: Clock, data: Data) -> BoolArray:
        """The seeds whose value has changed enough, or whose time is over."""
        changed = np.abs(data.value_change()) >= self._value_change
        return np.asarray(changed | (clock.updates >= self._max_local_updates))
