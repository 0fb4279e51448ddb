"""The interface of an algorithm."""

from typing import Any, Protocol

from marl_comm.arrays import IntArray


class Algorithm(Protocol):
    """Decides which policies collect the data of a round. All else is common to all algorithms."""

    def plan(self, learner: Any, rows: IntArray) -> Any:
        """Return the base policies with which the given rows collect their next round's data.

        Args:
            learner: A learner of the kind that the algorithm is for.
            rows: The rows that communicate, as indices into the learner's.

        Returns:
            What the learner's `behaviours` takes.
        """
