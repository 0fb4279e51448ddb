"""One large update on all data of a round, with as many rounds and samples as the others.

Its parts compute advantages anew; plain MAPPO, which computes them once in a round, is this with
`learner.recompute_advantages=never`.
"""

from collections.abc import Iterator
from typing import Literal, final

from marl_comm.algorithms.current_policy import CurrentPolicySettings, nothing_left
from marl_comm.options.answers import RunSettings


@final
class LargeBatchSettings(CurrentPolicySettings):
    """Makes one update as large as the round, of as many gradient steps as the others make."""

    name: Literal["large_batch"]

    @property
    def reweighs(self) -> bool:
        """No: the clip alone keeps policies near the one that played, as in plain MAPPO."""
        return False

    @property
    def one_large_update(self) -> bool:
        """Yes."""
        return True

    def problems(self, run: RunSettings) -> Iterator[str]:
        """It needs rounds that last, and networks."""
        yield from nothing_left(self.name, run)
        if run.game.policies != "networks":
            yield (
                f"algorithm={self.name} game={run.game.name}: tables use all data of a round in "
                "every local update; allowed there are algorithm=stale, which does not reweigh "
                "them, and algorithm=importance_sampling"
            )
