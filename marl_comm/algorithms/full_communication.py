"""Fresh data at every local update: the unconstrained reference."""

from collections.abc import Iterator
from typing import Literal, final

from marl_comm.algorithms.current_policy import CurrentPolicySettings
from marl_comm.options.answers import RunSettings


@final
class FullCommunicationSettings(CurrentPolicySettings):
    """Fresh data at every local update."""

    name: Literal["full_communication"]

    @property
    def reweighs(self) -> bool:
        """Yes, though fresh data have weights of 1."""
        return True

    def problems(self, run: RunSettings) -> Iterator[str]:
        """It needs a round at every local update."""
        if not run.communication.every_update:
            yield (
                f"algorithm={self.name} communication={run.communication.name}: full "
                "communication has a round at every local update; leave communication out (it "
                "selects communication=unlimited itself) or choose algorithm=importance_sampling"
            )
