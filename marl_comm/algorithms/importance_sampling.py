"""Reweigh the data of the policy at the round's start."""

from collections.abc import Iterator
from typing import Literal, final

from marl_comm.algorithms.current_policy import CurrentPolicySettings, nothing_left
from marl_comm.options.answers import RunSettings


@final
class ImportanceSamplingSettings(CurrentPolicySettings):
    """Reweighs the data of the policy at the round's start."""

    name: Literal["importance_sampling"]

    @property
    def reweighs(self) -> bool:
        """Yes."""
        return True

    def problems(self, run: RunSettings) -> Iterator[str]:
        """It needs rounds that last."""
        yield from nothing_left(self.name, run)
