"""What an agent's side of a game answers where only the world could."""

from typing import Any

from marl_comm.arrays import AnyArray, IntArray
from marl_comm.games.game import Evaluation


class Unknowing:
    """A side of a game without exact figures, checkpoints or arrays of its own."""

    def begins_at(self, policy: Any) -> None:
        """Do nothing: the world measures distances."""

    def evaluate(self, seed_rows: IntArray, policy: Any) -> Evaluation:
        """Return nothing: the world evaluates."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return nothing: the world keeps checkpoints."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """There is nothing to take over."""

    def arrays(self) -> dict[str, AnyArray]:
        """Return nothing: no agent knows the arrays that define a game."""
        return {}

    def close(self) -> None:
        """Nothing is held open."""
