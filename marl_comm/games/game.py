"""What the training loop asks of a game."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.experience import BasePolicies, Experience
from marl_comm.experience.experience import Traffic
from marl_comm.experience.oracle import Oracle

Evaluation = Mapping[str, AnyArray]
"""Figures of a policy by name, each (rows,). Games with exact oracles have at least `value`, the
expected team reward (the mean over agents where each has its own), and `nash_gap`, the most that
one agent gains by deviating alone."""


class Moved(Protocol):
    """What a round brings."""

    @property
    def traffic(self) -> Traffic:
        """The cost of moving it, per row."""


BehavioursT = TypeVar("BehavioursT", contravariant=True)
ExperienceT = TypeVar("ExperienceT", bound=Moved, covariant=True)
PolicyT = TypeVar("PolicyT", contravariant=True)


class Game(Protocol[BehavioursT, ExperienceT, PolicyT]):
    """A game for each seed of a run. `seed_rows` says which seeds the rows of an array are."""

    def collect(
        self, seed_rows: IntArray, behaviours: BehavioursT, samples: int | None
    ) -> ExperienceT:
        """Play `samples` joint actions per row; None gives exact action values instead."""

    def evaluate(self, seed_rows: IntArray, policy: PolicyT) -> Evaluation:
        """Return figures of a policy."""

    def begins_at(self, policy: PolicyT) -> None:
        """Measure distances from these policies, one of every seed, and not from uniform ones."""

    def restore_experience(self, state: dict[str, Any]) -> Any:
        """Return the experience whose `state` a checkpoint holds."""

    def state(self) -> dict[str, Any]:
        """Return all that changes while it is played, but for random streams, for a checkpoint."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint."""

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays that define the game, leading axis seeds, or 1 where shared."""

    def close(self) -> None:
        """Give back what the game holds open; it cannot be played afterwards."""


class TabularGame(Game[BasePolicies, Experience, Array], Oracle, Protocol):
    """A game whose policies are tables of log-probabilities."""

    def initial_log_policy(self) -> Array:
        """Return the uniform policy of every seed, (seeds, ..., agents, actions)."""
