"""What is checked of an algorithm of the user's own for tables."""

from typing import Any

import numpy as np

from marl_comm.algorithms.algorithm import Algorithm
from marl_comm.arrays import IntArray
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.learners.learner import TabularLearner
from marl_comm.options.watched import ROUNDING, Checks, kind


class CheckedMemory(Checks, Algorithm[Any, Any]):
    """Checks the memory of the user's class."""

    def keep(self, rows: IntArray) -> None:
        """Drop all rows but the given ones."""
        with self.calling("keep"):
            super().keep(rows)  # type: ignore[safe-super]

    def state(self) -> dict[str, Any]:
        """Return what is remembered, checked to be a dict."""
        with self.calling("state"):
            found = super().state()  # type: ignore[safe-super]
        if not isinstance(found, dict):
            raise self.wrong("state", f"must give a dict, not {kind(found)}")
        return found

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what a checkpoint holds."""
        with self.calling("restore"):
            super().restore(state)  # type: ignore[safe-super]


class CheckedPlans(CheckedMemory, Algorithm[TabularLearner, BasePolicies]):
    """Checks the plans of the user's class, which are tables.

    Attributes:
        capacity: The most base policies of a plan.
    """

    capacity: int

    def plan(self, learner: TabularLearner, rows: IntArray) -> BasePolicies:
        """Return the plan, checked, and a copy of it: what is remembered is the algorithm's own.

        All plans of a run have the same number of base policies, since rows are put together from
        several rounds: a row with fewer repeats its last.
        """
        with self.calling("plan"):
            found = super().plan(learner, rows)  # type: ignore[safe-super]
        if not isinstance(found, BasePolicies):
            raise self.wrong("plan", f"must give BasePolicies, not {kind(found)}")
        policies, count = found.log_policies, found.count
        whole = isinstance(count, np.ndarray) and count.dtype.kind in "iu"
        if not whole or count.shape != rows.shape:
            expected = f"an array of integers of shape {rows.shape}"
            raise self.wrong("plan", f"must give {expected} for count, not {kind(count)}")
        bases = np.shape(policies)[1] if np.ndim(policies) > 1 else 0
        numbers = isinstance(policies, np.ndarray) and policies.dtype == np.float64
        probabilities = np.exp(policies) if numbers else policies
        shape = (len(rows), bases, *learner.log_policy.shape[1:])
        self.checked_array("plan", probabilities, shape, "log_policies")
        if np.abs(probabilities.sum(axis=-1) - 1.0).max(initial=0.0) > ROUNDING:
            raise self.wrong("plan", "must give log_policies whose probabilities sum to 1")
        if bases > self.capacity:
            raise self.wrong(
                "plan",
                f"gives {bases} base policies, more than algorithm.max_bases={self.capacity}",
            )
        if count.min(initial=1) < 1 or count.max(initial=1) > bases:
            raise self.wrong("plan", f"must give from 1 to {bases} for count, not {count.tolist()}")
        padded = np.minimum(np.arange(self.capacity), count[:, None] - 1)
        return BasePolicies(policies[np.arange(len(rows))[:, None], padded], count.astype(np.int64))
