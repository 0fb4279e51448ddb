"""Networks of many seeds at once: parameters are rows of one matrix, layers are batched products.

Flat parameters make everything else a line: distances between policies, points on the way from
one to another, an optimiser's step, a checkpoint.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from marl_comm.games.environments.spec import Spec

Activation = Literal["relu", "tanh"]

_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
}
_FEWEST_COLUMNS = 16
_GAINS: dict[Activation, float] = {"relu": 2**0.5, "tanh": 5 / 3}


class StackedPerceptron:
    """The shape of a multilayer perceptron; its parameters, one set per batch entry, come along.

    Attributes:
        size: Number of parameters of one network, P.
    """

    def __init__(self, sizes: Sequence[int], activation: Activation, output_gain: float) -> None:
        """Fix the shape.

        Args:
            sizes: Inputs, hidden units of each layer, outputs.
            activation: After every layer but the last.
            output_gain: Gain of the last layer's orthogonal initialisation.
        """
        self._layers = list(pairwise(sizes))
        self._activation = _ACTIVATIONS[activation]
        hidden_gains = [_GAINS[activation]] * (len(self._layers) - 1)
        self._gains = [*hidden_gains, output_gain]
        self._splits = [size for (n, m) in self._layers for size in (n * m, m)]
        self.size = sum(self._splits)

    def initial(self, generator: np.random.Generator) -> Tensor:
        """Return orthogonal weights and zero biases of one network, (P,)."""
        parts = []
        for (inputs, outputs), gain in zip(self._layers, self._gains, strict=True):
            parts += [gain * _orthogonal(inputs, outputs, generator).ravel(), np.zeros(outputs)]
        return torch.from_numpy(np.concatenate(parts).astype(np.float32))

    def __call__(self, parameters: Tensor, inputs: Tensor) -> Tensor:
        """Apply each network to its own inputs.

        Args:
            parameters: (batch, P).
            inputs: (batch, samples, inputs).

        Returns:
            (batch, samples, outputs).
        """
        parts = parameters.split(self._splits, dim=1)
        hidden = inputs
        for layer, (size_in, size_out) in enumerate(self._layers):
            weights = parts[2 * layer].view(-1, size_in, size_out)
            bias = parts[2 * layer + 1].unsqueeze(1)
            if layer < len(self._layers) - 1:
                hidden = self._activation(torch.baddbmm(bias, hidden, weights))
        # Products with few columns are slower than those with 16.
        missing = max(0, _FEWEST_COLUMNS - size_out)
        return torch.baddbmm(pad(bias, (0, missing)), hidden, pad(weights, (0, missing)))[
            ..., :size_out
        ]


class Actor:
    """All agents' policy networks: one that is told who it is, or one for each agent.

    Attributes:
        size: Parameters of all agents together, P.
    """

    def __init__(
        self,
        spec: Spec,
        outputs: int,
        hidden: Sequence[int],
        activation: Activation,
        *,
        shared: bool,
    ) -> None:
        """Fix the shape; `outputs` is what the action distribution needs per agent."""
        self._agents = len(spec.agents)
        self._shared = shared
        inputs = spec.largest_observation + (self._agents if shared else 0)
        # A small last layer starts the policy near uniform.
        self._network = StackedPerceptron([inputs, *hidden, outputs], activation, 0.01)
        self._networks = 1 if shared else self._agents
        self.size = self._networks * self._network.size

    def initial(self, generator: np.random.Generator) -> Tensor:
        """Return the parameters of one seed, (P,)."""
        return torch.cat([self._network.initial(generator) for _ in range(self._networks)])

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
            (rows, agents, samples, outputs).
        """
        rows, agents, samples, size = inputs.shape
        batch = rows * self._networks
        stacked = inputs.reshape(batch, -1, size)
        outputs = self._network(parameters.reshape(batch, -1), stacked)
        return outputs.view(rows, agents, samples, -1)


class Critic:
    """The central value function: sees every agent's observation.

    Attributes:
        size: Parameters, Q.
    """

    def __init__(self, spec: Spec, hidden: Sequence[int], activation: Activation) -> None:
        """Fix the shape."""
        mask = torch.from_numpy(spec.observation_mask.ravel() > 0)
        self._observed = torch.nonzero(mask)[:, 0]
        self._padded = len(self._observed) < len(mask)
        self._network = StackedPerceptron([len(self._observed), *hidden, 1], activation, 1.0)
        self.size = self._network.size

    def initial(self, generator: np.random.Generator) -> Tensor:
        """Return the parameters of one seed, (Q,)."""
        return self._network.initial(generator)

    def inputs(self, observations: Tensor) -> Tensor:
        """Join all agents' observations, padding left out.

        Args:
            observations: (rows, agents, samples, largest observation).

        Returns:
            (rows, samples, inputs).
        """
        joined = observations.transpose(1, 2).flatten(start_dim=2)
        return joined[..., self._observed.to(joined.device)] if self._padded else joined

    def __call__(self, parameters: Tensor, inputs: Tensor) -> Tensor:
        """Return values, (rows, samples), of `inputs` (rows, samples, inputs)."""
        return self._network(parameters, inputs)[..., 0]


def _orthogonal(inputs: int, outputs: int, generator: np.random.Generator) -> np.ndarray:
    tall = generator.standard_normal((max(inputs, outputs), min(inputs, outputs)))
    orthogonal, triangular = np.linalg.qr(tall)
    orthogonal *= np.sign(np.diag(triangular))
    return orthogonal if inputs >= outputs else orthogonal.T
