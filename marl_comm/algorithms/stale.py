"""Use old data without reweighing them: the lower reference."""

from collections.abc import Iterator
from typing import Literal, final

from marl_comm.algorithms.current_policy import CurrentPolicySettings, nothing_left
from marl_comm.options.answers import RunSettings


@final
class StaleSettings(CurrentPolicySettings):
    """Uses the data of the policy at the round's start as if it were the current policy's."""

    name: Literal["stale"]

    @property
    def reweighs(self) -> bool:
        """No: that is the point."""
        return False

    def problems(self, run: RunSettings) -> Iterator[str]:
        """It needs rounds that last, and data."""
        yield from nothing_left(self.name, run)
        if run.exact:
            yield (
                f"algorithm={self.name} samples_per_round=null: exact action values never grow "
                "stale; set samples_per_round to a number or choose algorithm=importance_sampling"
            )
