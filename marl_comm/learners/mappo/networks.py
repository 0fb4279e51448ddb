"""Networks of all seeds: the agents' policies and the central value function."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from marl_comm.games.environments.spec import Spec
from marl_comm.learners.mappo.hyperparameters import Hyperparameters
from marl_comm.learners.mappo.perceptron import (
    Activation,
    PerceptronGradient,
    StackedPerceptron,
)


class Actor:
    """All agents' policy networks: one that is told who it is, or one for each agent.

    Attributes:
        size: Parameters of all agents together, P.
        networks: How many there are.
    """

    def __init__(
        self,
        spec: Spec,
        outputs: int,
        hidden: Sequence[int],
        activation: Activation,
        *,
        shared: bool,
        output_gain: float = 0.01,
    ) -> None:
        """Fix the shape; `outputs` is what the action distribution needs per agent."""
        self._agents = len(spec.agents)
        self._sizes, self._largest = spec.observation_sizes, spec.largest_observation
        self._shared = shared
        inputs = spec.largest_observation + (self._agents if shared else 0)
        # A small last layer starts the policy near uniform.
        self._network = StackedPerceptron([inputs, *hidden, outputs], activation, output_gain)
        self.networks = 1 if shared else self._agents
        self.size = self.networks * self._network.size

    def initial(self, generator: np.random.Generator) -> Tensor:
        """Return the parameters of one seed, (P,)."""
        return torch.cat([self._network.initial(generator) for _ in range(self.networks)])

    def inputs(self, observations: Tensor) -> Tensor:
        """Append who an agent is, where agents share a network.

        Args:
            observations: (rows, agents, samples, largest observation).

        Returns:
            (rows, agents, samples, inputs).
        """
        if not self._shared:
            return observations
        rows, agents, samples, _ = observations.shape
        identity = torch.eye(agents, device=observations.device)[None, :, None]
        return torch.cat([observations, identity.expand(rows, -1, samples, -1)], dim=-1)

    def __call__(self, parameters: Tensor, inputs: Tensor) -> Tensor:
        """Return each agent's distribution parameters.

        Args:
            parameters: (rows, P).
            inputs: (rows, agents, samples, inputs), as `inputs` makes them.

        Returns:
            (rows, outputs, agents, samples).
        """
        return self.gradient(parameters).forward(inputs)

    def modules(self, parameters: Tensor) -> list[torch.nn.Sequential]:
        """Return each agent's network as a module of torch, of parameters (P,).

        It takes what the agent observes, (..., numbers), padding left out; who it is, where agents
        share a network, is in its first layer.
        """
        found = []
        for agent, size in enumerate(self._sizes):
            constant = torch.zeros(self._largest + (self._agents if self._shared else 0))
            if self._shared:
                constant[self._largest + agent] = 1.0
            own = parameters if self._shared else parameters.view(self._agents, -1)[agent]
            found.append(self._network.module(own, torch.arange(size), constant))
        return found

    def gradient(self, parameters: Tensor) -> "ActorGradient":
        """Return a sum of gradients at `parameters`, (rows, P), so far of nothing."""
        stacked = parameters.reshape(len(parameters) * self.networks, -1)
        return ActorGradient(self._network.gradient(stacked), len(parameters), shared=self._shared)


class ActorGradient:
    """A sum of gradients of all agents' policy networks over blocks of samples."""

    def __init__(self, stacked: PerceptronGradient, rows: int, *, shared: bool) -> None:
        """Wrap that of the networks, one per row if `shared`, else one per row and agent."""
        self._stacked, self._rows, self._shared = stacked, rows, shared

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (rows, outputs, agents, samples) of (rows, agents, samples, inputs)."""
        rows, agents, samples, _ = inputs.shape
        if self._shared:
            outputs = self._stacked.forward(inputs.flatten(1, 2))
            return outputs.view(rows, -1, agents, samples)
        outputs = self._stacked.forward(inputs.flatten(0, 1))
        return outputs.view(rows, agents, -1, samples).transpose(1, 2)

    def backward(self, by_outputs: Tensor) -> None:
        """Add the gradient of what went forward last, by derivatives shaped like the outputs."""
        if self._shared:
            self._stacked.backward(by_outputs.flatten(2, 3))
        else:
            self._stacked.backward(by_outputs.transpose(1, 2).flatten(0, 1))

    def total(self) -> Tensor:
        """Return the sum, (rows, P)."""
        return self._stacked.total().view(self._rows, -1)


class ValueFunctions(Protocol):
    """What estimates the values of states, for the team or for each agent.

    Attributes:
        size: Parameters, Q.
        networks: How many networks have them.
    """

    size: int
    networks: int

    def initial(self, generator: np.random.Generator) -> Tensor:
        """Return the parameters of one seed, (Q,)."""

    def inputs(self, observations: Tensor, world: Tensor) -> Tensor:
        """Return (rows, ..., samples, inputs) of what is there to see.

        Args:
            observations: (rows, agents, samples, largest observation).
            world: (rows, 1, samples, size of the world).
        """

    def __call__(self, parameters: Tensor, inputs: Tensor) -> Tensor:
        """Return values, (rows, samples) or (rows, agents, samples), of such inputs."""

    def gradient(self, parameters: Tensor) -> "PerceptronGradient | ActorGradient":
        """Return a sum of gradients, so far of nothing, whose outputs have an axis more."""


class Critic:
    """The central value function: sees every agent's observation, or the world's state.

    Attributes:
        size: Parameters, Q.
        networks: One.
    """

    networks = 1

    def __init__(self, spec: Spec, hidden: Sequence[int], activation: Activation) -> None:
        """Fix the shape."""
        mask = torch.from_numpy(spec.observation_mask.ravel() > 0)
        self._observed = torch.nonzero(mask)[:, 0]
        self._padded = len(self._observed) < len(mask)
        self._sees_world = spec.world_size > 0
        inputs = spec.world_size or len(self._observed)
        self._network = StackedPerceptron([inputs, *hidden, 1], activation, 1.0)
        self.size = self._network.size

    def initial(self, generator: np.random.Generator) -> Tensor:
        """Return the parameters of one seed, (Q,)."""
        return self._network.initial(generator)

    def inputs(self, observations: Tensor, world: Tensor) -> Tensor:
        """Join all agents' observations, padding left out; or take the world's state.

        Args:
            observations: (rows, agents, samples, largest observation).
            world: (rows, 1, samples, size of the world).

        Returns:
            (rows, samples, inputs).
        """
        if self._sees_world:
            return world[:, 0]
        joined = observations.transpose(1, 2).flatten(start_dim=2)
        return joined[..., self._observed.to(joined.device)] if self._padded else joined

    def __call__(self, parameters: Tensor, inputs: Tensor) -> Tensor:
        """Return values, (rows, samples), of `inputs` (rows, samples, inputs)."""
        return self._network(parameters, inputs)[:, 0]

    def gradient(self, parameters: Tensor) -> PerceptronGradient:
        """Return a sum of gradients at `parameters`, (rows, Q), so far of nothing.

        Its outputs are (rows, 1, samples).
        """
        return self._network.gradient(parameters)


class OwnCritics:
    """A value function for each agent, which sees what it sees: one network, or one for each.

    Attributes:
        size: Parameters, Q.
        networks: How many there are.
    """

    def __init__(
        self, spec: Spec, hidden: Sequence[int], activation: Activation, *, shared: bool
    ) -> None:
        """Fix the shape."""
        self._agents = Actor(spec, 1, hidden, activation, shared=shared, output_gain=1.0)
        self.size, self.networks = self._agents.size, self._agents.networks

    def initial(self, generator: np.random.Generator) -> Tensor:
        """Return the parameters of one seed, (Q,)."""
        return self._agents.initial(generator)

    def inputs(self, observations: Tensor, world: Tensor) -> Tensor:
        """Return (rows, agents, samples, inputs); each sees what its agent sees."""
        return self._agents.inputs(observations)

    def __call__(self, parameters: Tensor, inputs: Tensor) -> Tensor:
        """Return values, (rows, agents, samples), of inputs (rows, agents, samples, inputs)."""
        return self._agents(parameters, inputs)[:, 0]

    def gradient(self, parameters: Tensor) -> ActorGradient:
        """Return a sum of gradients at `parameters`, (rows, Q), so far of nothing.

        Its outputs are (rows, 1, agents, samples).
        """
        return self._agents.gradient(parameters)


def critic_of(spec: Spec, settings: Hyperparameters) -> ValueFunctions:
    """Return the value functions that a user has chosen."""
    hidden, activation = settings.hidden, settings.activation
    if settings.critic == "central":
        return Critic(spec, hidden, activation)
    return OwnCritics(spec, hidden, activation, shared=settings.shares_actors)
