"""What the training loop, the algorithms and the recorder ask of a learner."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from marl_comm.arrays import AnyArray, IntArray
from marl_comm.experience import Staleness


class Learner(Protocol):
    """Holds the policies and the data of the active seeds, one row each.

    What a policy, a plan of base policies and experience are is between the learner, its
    algorithms and its games; the loop only passes them on.
    """

    @property
    def rows(self) -> int:
        """Number of active seeds."""

    @property
    def policy(self) -> Any:
        """The current policies of all rows, as the game's `evaluate` takes them."""

    def policy_of(self, rows: IntArray) -> Any:
        """Return the policies of some rows."""

    def policy_arrays(self, policy: Any) -> Mapping[str, AnyArray]:
        """Return the arrays of a policy by name, first axis its rows, as a run leaves them."""

    def behaviours(self, bases: Any) -> Any:
        """Return what agents play to collect data around the planned base policies."""

    def receive(self, rows: IntArray, experience: Any) -> None:
        """Take over a round's data for the given rows, replacing what they had."""

    def weigh(self) -> Staleness:
        """Weigh the data for the policy as it is now."""

    def update(self) -> None:
        """Make one local update of every row from the data it has."""

    def diagnostics(self) -> Mapping[str, AnyArray]:
        """Return figures of the latest update for the log, each (rows,)."""

    def state(self) -> dict[str, Any]:
        """Return all that changes while learning, for a checkpoint."""

    def restore(
        self, state: dict[str, Any], restore_experience: Callable[[dict[str, Any]], Any]
    ) -> None:
        """Take over the state of a checkpoint; the game's function restores its data."""

    def keep(self, rows: IntArray) -> None:
        """Drop all rows but the given ones."""
