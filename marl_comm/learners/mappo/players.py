"""How networks play: the policies that collect a round's chunks, and the current ones."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from marl_comm.experience.network_bases import NetworkBases
from marl_comm.learners.mappo.distributions import Distribution, permitted
from marl_comm.learners.mappo.networks import Actor
from marl_comm.rows import Fixed, Rows, record, take


@dataclass(frozen=True)
class Behaviours:
    """What agents play to collect a round: one policy per row and chunk.

    Attributes:
        actor: The networks' shape.
        distribution: Of actions.
        bases: The policies.
        observations_travel: Whether agents read what others have seen and done.
    """

    actor: Actor
    distribution: Distribution
    bases: NetworkBases
    observations_travel: bool

    @property
    def count(self) -> Tensor:
        """(rows,), chunks of each row."""
        return self.bases.count

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Draw the noise of one row's actions."""
        return self.distribution.noise(generator, shape)

    @torch.no_grad()
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
        outputs = self._outputs(rows, chunk, observations, legal)
        actions = self.distribution.sample(outputs, noise)
        return actions, self.distribution.log_prob(outputs, actions)

    @torch.no_grad()
    def log_prob(
        self, rows: Tensor, chunk: int, observations: Tensor, legal: Tensor, actions: Tensor
    ) -> Tensor:
        """Return the log-probabilities of actions, bit for bit those that `act` returns."""
        outputs = self._outputs(rows, chunk, observations, legal)
        return self.distribution.log_prob(outputs, actions)

    def _outputs(self, rows: Tensor, chunk: int, observations: Tensor, legal: Tensor) -> Tensor:
        outputs = self.actor(self.bases.parameters[rows, chunk], self.actor.inputs(observations))
        return permitted(outputs, legal)


@record
@dataclass(frozen=True)
class Policies:
    """The current policies of all rows, as games evaluate them.

    Attributes:
        actor: The networks' shape.
        distribution: Of actions.
        parameters: (rows, P).
    """

    actor: Fixed[Actor]
    distribution: Fixed[Distribution]
    parameters: Rows[Tensor]

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Draw the noise of one row's actions."""
        return self.distribution.noise(generator, shape)

    @torch.no_grad()
    def act(self, observations: Tensor, legal: Tensor, noise: Tensor | None) -> Tensor:
        """Return sampled actions, or without noise the most likely ones.

        Args:
            observations: (rows, agents, copies, largest observation).
            legal: (rows, agents, copies, size of a mask), bool.
            noise: (rows, agents, copies) or (..., parts or numbers).
        """
        outputs = permitted(self.actor(self.parameters, self.actor.inputs(observations)), legal)
        if noise is None:
            return self.distribution.greedy(outputs)
        return self.distribution.sample(outputs, noise)

    def first(self) -> Self:
        """Return the policy of the first row."""
        return take(self, np.arange(1))

    def modules(self) -> list[torch.nn.Sequential]:
        """Return each agent's network of the first row, as a module of torch."""
        return self.actor.modules(self.parameters[0])
