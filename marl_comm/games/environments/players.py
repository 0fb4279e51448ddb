"""What an environment asks of whoever plays in it."""

from collections.abc import Callable
from typing import Protocol, Self, TypeAlias

import numpy as np
from torch import Tensor
from torch.nn import Sequential

from marl_comm.experience.network_bases import NetworkBases
from marl_comm.experience.rollouts import Rollouts
from marl_comm.games.environments.environments import Situation


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

    def log_prob(
        self, rows: Tensor, chunk: int, observations: Tensor, legal: Tensor, actions: Tensor
    ) -> Tensor:
        """Return the log-probabilities of actions, bit for bit those that `act` returns."""


Acting: TypeAlias = Callable[[int, Situation], tuple[Tensor, Tensor]]
"""Answers a step of a chunk, counted from 0, with all actions and their log-probabilities."""


class Players(Protocol):
    """Who plays, and how what was played comes together in the shared buffer."""

    def chunk(
        self, behaviours: Behaviours, playing: Tensor, position: int, noise: Tensor
    ) -> Acting:
        """Return what answers each step of a chunk.

        Args:
            behaviours: Who plays it.
            playing: (playing,), which of their rows do.
            position: Which chunk.
            noise: (playing, steps, agents, copies) or (..., parts or numbers).
        """

    def share(self, behaviours: Behaviours, rollouts: Rollouts) -> Rollouts:
        """Return what all agents together have written to the buffer."""


class PlayersHere:
    """All agents are in this process, and so is what they share."""

    def chunk(
        self, behaviours: Behaviours, playing: Tensor, position: int, noise: Tensor
    ) -> Acting:
        """Return what answers each step."""

        def act(step: int, situation: Situation) -> tuple[Tensor, Tensor]:
            seen = situation.observations.to(noise.device), situation.legal.to(noise.device)
            return behaviours.act(playing, position, *seen, noise[:, step])

        return act

    def share(self, behaviours: Behaviours, rollouts: Rollouts) -> Rollouts:
        """Return what was played."""
        return rollouts


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
