"""Where policies are compared: a few of a chunk's joint steps."""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from marl_comm.experience.rollouts import Chunk
from marl_comm.learners.mappo.distributions import Distribution, permitted
from marl_comm.learners.mappo.networks import Actor
from marl_comm.rows import Fixed, Rows, record

_SLICE = 128  # joint steps


@record
@dataclass(frozen=True)
class ProbeStates:
    """What agents saw, and who acted.

    Attributes:
        actor: Shape of the policies.
        distribution: Of actions.
        inputs: (rows, agents, n, inputs), of the networks.
        legal: (rows, agents, n, size of a mask), bool, which choices they had.
        alive: (rows, agents, n), 1 where an agent acted, else 0.
    """

    actor: Fixed[Actor]
    distribution: Fixed[Distribution]
    inputs: Rows[Tensor]
    legal: Rows[Tensor]
    alive: Rows[Tensor]

    @classmethod
    def of(cls, chunk: Chunk, actor: Actor, distribution: Distribution) -> Self:
        """Return 128 joint steps or some more, evenly over the chunk's times and copies."""
        alive = chunk.alive.flatten(2, 3)
        stride = _stride(alive.shape[2], copies=chunk.alive.shape[3])
        inputs = actor.inputs(chunk.observations.flatten(2, 3)[:, :, ::stride])
        legal = chunk.legal.flatten(2, 3)[:, :, ::stride]
        return cls(actor, distribution, inputs, legal, alive[:, :, ::stride].float())

    @torch.no_grad()
    def outputs(self, parameters: Tensor) -> Tensor:
        """Return what policies, (rows, P), do there: (rows, outputs, agents, n)."""
        return permitted(self.actor(parameters, self.inputs), self.legal)

    def divergence(self, outputs: Tensor, other: Tensor) -> Tensor:
        """Return KL(first || second) of joint policies by their outputs, mean over n, (rows,)."""
        apart = self.distribution.kl(outputs, other)
        return (apart * self.alive).sum(dim=1).mean(dim=1)


def _stride(joint_steps: int, copies: int) -> int:
    """Return a distance between joint steps that does not come back to the same few copies."""
    longest = max(1, joint_steps // _SLICE)
    return next(stride for stride in range(longest, 0, -1) if math.gcd(stride, copies) == 1)
