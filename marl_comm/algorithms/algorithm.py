"""What the loop asks of an algorithm: the policies that collect the data of a round."""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeAlias, TypeVar

from marl_comm.arrays import IntArray
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.learners.learner import TabularLearner

LearnerT = TypeVar("LearnerT", contravariant=True)
PlanT = TypeVar("PlanT", covariant=True)


class Algorithm(ABC, Generic[LearnerT, PlanT]):
    """Decides which policies collect the data of a round. All else is common to all algorithms.

    An algorithm may remember things from round to round. It then says how its memory is cut down
    to the seeds that go on, and what of it a checkpoint holds; `Stateless` answers for those that
    remember nothing.
    """

    @property
    @abstractmethod
    def reweighs(self) -> bool:
        """Whether old data are reweighed for the current policy by importance sampling."""

    @property
    def own_base(self) -> bool:
        """Whether local update t weighs the samples of base t alone; most weigh all together."""
        return False

    @abstractmethod
    def plan(self, learner: LearnerT, rows: IntArray) -> PlanT:
        """Return the base policies with which the given rows collect their next round's data.

        Args:
            learner: Holds the policies and the data of the active seeds.
            rows: The rows that communicate, as indices into the learner's.
        """

    @abstractmethod
    def keep(self, rows: IntArray) -> None:
        """Drop all rows but the given ones: the other seeds have ended."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return what is remembered, for a checkpoint: nested dicts of arrays and plain values."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Take over what a checkpoint holds."""


class Stateless(Algorithm[LearnerT, PlanT]):
    """An algorithm that remembers nothing between rounds."""

    def keep(self, rows: IntArray) -> None:
        """There is nothing to drop."""

    def state(self) -> dict[str, Any]:
        """There is nothing to save."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """There is nothing to take over."""


TabularAlgorithm: TypeAlias = Algorithm[TabularLearner, BasePolicies]
"""For policies that are tables."""
