"""What the game asks of environments: many copies per seed, stepped together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from marl_comm.arrays import AnyArray, IntArray
from marl_comm.games.environments.spec import Spec


@dataclass(frozen=True)
class Situation:
    """What the agents see, and who of them still acts.

    Attributes:
        observations: (rows, agents, copies, largest observation), float32, zero where padded.
        alive: (rows, agents, copies), bool; agents that have left an episode are False.
        began: (rows, copies), bool, whether this is the first situation of an episode.
        legal: (rows, agents, copies, size of a mask), bool, which choices an agent has here, part
            by part; of size 0 where nothing is masked.
        world: (rows, copies, size of the world), float32, the world's state; None where the critic
            sees observations.
    """

    observations: Tensor
    alive: Tensor
    began: Tensor
    legal: Tensor
    world: Tensor | None = None


@dataclass(frozen=True)
class Step:
    """What a joint action led to.

    Attributes:
        rewards: (rows, agents, copies), float32, each agent's own.
        ended: (rows, copies), bool, whether the episode is over for everybody. The next situation
            then is the first of a new episode.
        terminated: (rows, copies), bool, whether it ended by itself and not by a limit on its
            steps: nothing would have followed.
        observations: (rows, agents, copies, largest observation), what the step led to.
        info: Further figures that the environment gives, each (rows, copies), means over the agents
            that have them; nan where none has.
        world: (rows, copies, size of the world), float32, what the step led to; None as above.
    """

    rewards: Tensor
    ended: Tensor
    terminated: Tensor
    observations: Tensor
    info: Mapping[str, Tensor] = field(default_factory=dict)
    world: Tensor | None = None


class Environments(Protocol):
    """Copies of an environment for each seed of a run.

    All randomness of an episode follows from a number drawn at its start from the seed's stream:
    between episodes the streams are the only state.
    """

    @property
    def spec(self) -> Spec:
        """Who acts, on what, with which choices."""

    @property
    def copies(self) -> int:
        """Copies of the environment per seed."""

    def situation(self, seed_rows: IntArray, *, afresh: bool = False) -> Situation:
        """Return where the copies of the given seeds stand.

        Args:
            seed_rows: (rows,).
            afresh: Whether all copies begin new episodes; else only those do whose last is over.
        """

    def step(self, seed_rows: IntArray, actions: Tensor) -> Step:
        """Play a joint action in every copy of the given seeds.

        Args:
            seed_rows: (rows,), the same as in the latest `situation`.
            actions: (rows, agents, copies) choices, (rows, agents, copies, parts) where an action
                has several, or (rows, agents, copies, largest action) numbers, of which -1 stands
                for the lower end of an action's range and 1 for the upper; numbers beyond are
                clipped.
        """

    def frame(self) -> AnyArray:
        """Return a picture of the first copy that played last.

        Raises:
            InputError: The environment cannot render.
        """

    def close(self) -> None:
        """Give back what the copies hold open; nothing can be played afterwards."""


@runtime_checkable
class KeepsEpisodes(Protocol):
    """Environments whose episodes under way a checkpoint can hold; others begin new ones."""

    def state(self) -> dict[str, Any]:
        """Return where all episodes stand, as arrays."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the episodes of a checkpoint."""


def nothing_masked(alive: Tensor) -> Tensor:
    """Return masks of size 0 for agents, (rows, agents, copies)."""
    return torch.zeros((*alive.shape, 0), dtype=torch.bool, device=alive.device)
