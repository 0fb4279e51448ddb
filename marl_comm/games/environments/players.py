"""What an environment asks of whoever plays in it."""

from typing import Protocol, Self

import numpy as np
from torch import Tensor
from torch.nn import Sequential

from marl_comm.experience.network_bases import NetworkBases


class Behaviours(Protocol):
    """What agents play to collect a round: one policy per row and chunk."""

    @property
    def bases(self) -> NetworkBases:
        """The policies."""

    @property
    def observations_travel(self) -> bool:
        """Whether agents read what others have seen and done, or their rewards only."""

    @property
    def count(self) -> Tensor:
        """(rows,), chunks of each row."""

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Draw the noise of one row's actions."""

    def act(
        self, rows: Tensor, chunk: int, observations: Tensor, legal: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return actions and their log-probabilities.

        Args:
            rows: (playing,), which rows play.
            chunk: Which of their policies.
            observations: (playing, agents, copies, largest observation).
            legal: (playing, agents, copies, size of a mask), bool.
            noise: (playing, agents, copies) or (..., parts or numbers).
        """


class Policies(Protocol):
    """The current policies of all rows, as games evaluate them."""

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Draw the noise of one row's actions."""

    def act(self, observations: Tensor, legal: Tensor, noise: Tensor | None) -> Tensor:
        """Return sampled actions, or without noise the most likely ones.

        Args:
            observations: (rows, agents, copies, largest observation).
            legal: (rows, agents, copies, size of a mask), bool.
            noise: (rows, agents, copies) or (..., parts or numbers).
        """

    def first(self) -> Self:
        """Return the policy of the first row."""

    def modules(self) -> list[Sequential]:
        """Return each agent's network of the first row, as a module of torch."""
