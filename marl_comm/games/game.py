"""What the training loop asks of a game."""

from collections.abc import Mapping
from typing import Any, Protocol

from marl_comm.arrays import AnyArray, IntArray

Evaluation = Mapping[str, AnyArray]
"""Figures of a policy by name, each (rows,). Games with exact oracles have at least `value`, the
expected team reward (the mean over agents where each has its own), and `nash_gap`, the most that
one agent gains by deviating alone."""


class Game(Protocol):
    """A game for each seed of a run. `seed_rows` says which seeds the rows of an array are."""

    def collect(self, seed_rows: IntArray, behaviours: Any, samples: int | None) -> Any:
        """Play `samples` joint actions per row; None gives exact action values instead.

        What comes back has a `traffic`, the cost of moving it.
        """

    def evaluate(self, seed_rows: IntArray, policy: Any) -> Evaluation:
        """Return figures of a policy."""

    def restore_experience(self, state: dict[str, Any]) -> Any:
        """Return the experience whose `state` a checkpoint holds."""

    def state(self) -> dict[str, Any]:
        """Return all that changes while it is played, but for random streams, for a checkpoint."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint."""

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays that define the game, leading axis seeds, or 1 where shared."""
