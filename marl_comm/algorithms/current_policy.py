"""Collect with the current policy: full communication, importance sampling and stale data.

They share this plan. They differ in how long a round lasts (one local update for full
communication) and in whether the learner reweighs its data (stale data are used as if they came
from the current policy).
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

from marl_comm.algorithms.algorithm import Stateless, TabularAlgorithm
from marl_comm.arrays import IntArray
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.learners.learner import TabularLearner
from marl_comm.options.answers import AlgorithmSettings, RunSettings

if TYPE_CHECKING:  # torch takes seconds to import, which tables need not wait for
    from marl_comm.algorithms.networks import NetworkAlgorithm


class CurrentPolicySettings(AlgorithmSettings):
    """What algorithms share that collect with the current policy."""

    @property
    @abstractmethod
    def reweighs(self) -> bool:
        """Whether old data are reweighed for the current policy."""

    @property
    def most_bases(self) -> int:
        """The current policy alone."""
        return 1

    @property
    def predicts(self) -> bool:
        """No."""
        return False

    @property
    def one_large_update(self) -> bool:
        """No."""
        return False

    @property
    def asks_the_game(self) -> bool:
        """No."""
        return False

    def for_tables(self, run: RunSettings) -> TabularAlgorithm:
        """Return the plan for tables."""
        return CurrentPolicy(reweighs=self.reweighs)

    def for_networks(self, run: RunSettings) -> "NetworkAlgorithm":
        """Return the plan for networks."""
        # Imported late: torch takes seconds, which tables need not wait for.
        from marl_comm.algorithms.current_networks import CurrentNetworks, RoundLength

        return CurrentNetworks(RoundLength.of_run(run), reweighs=self.reweighs)


class CurrentPolicy(Stateless[TabularLearner, BasePolicies]):
    """The base policy is the current policy at the start of the round."""

    def __init__(self, *, reweighs: bool) -> None:
        """Say whether old data are reweighed for the current policy."""
        self._reweighs = reweighs

    @property
    def reweighs(self) -> bool:
        """Whether old data are reweighed for the current policy."""
        return self._reweighs

    def plan(self, learner: TabularLearner, rows: IntArray) -> BasePolicies:
        """Return the current policies of the given rows as the only base."""
        return BasePolicies.current(learner.log_policy[rows])


def nothing_left(algorithm: str, run: RunSettings) -> Iterator[str]:
    """Yield why an algorithm for scarce rounds cannot have a round at every local update."""
    if run.communication.every_update:
        yield (
            f"algorithm={algorithm} communication={run.communication.name}: a round at every local "
            f"update leaves nothing to {algorithm}; choose communication=adaptive, periodic or "
            "missing, or algorithm=full_communication"
        )
