"""Where policies are compared: a few of a chunk's joint steps."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from marl_comm.experience.rollouts import Chunk
from marl_comm.learners.mappo.distributions import Distribution
from marl_comm.learners.mappo.networks import Actor

_SLICE = 128  # joint steps


@dataclass(frozen=True)
class Situations:
    """What agents saw, and who acted.

    Attributes:
        actor: Shape of the policies.
        distribution: Of actions.
        inputs: (rows, agents, n, inputs), of the networks.
        alive: (rows, agents, n), 1 where an agent acted, else 0.
    """

    actor: Actor
    distribution: Distribution
    inputs: Tensor
    alive: Tensor

    @classmethod
    def of(cls, chunk: Chunk, actor: Actor, distribution: Distribution) -> Self:
        """Return about 128 joint steps, evenly over the chunk."""
        alive = chunk.alive.flatten(2, 3)
        step = max(1, alive.shape[2] // _SLICE)
        inputs = actor.inputs(chunk.observations.flatten(2, 3)[:, :, ::step])
        return cls(actor, distribution, inputs, alive[:, :, ::step].float())

    @torch.no_grad()
    def outputs(self, parameters: Tensor) -> Tensor:
        """Return what policies, (rows, P), do there: (rows, outputs, agents, n)."""
        return self.actor(parameters, self.inputs)

    def divergence(self, outputs: Tensor, other: Tensor) -> Tensor:
        """Return KL(first || second) of joint policies by their outputs, mean over n, (rows,)."""
        apart = self.distribution.kl(outputs, other)
        return (apart * self.alive).sum(dim=1).mean(dim=1)

    def rows(self, chosen: Tensor) -> Self:
        """Return those of some rows."""
        return type(self)(self.actor, self.distribution, self.inputs[chosen], self.alive[chosen])
