"""Multilayer perceptrons of many seeds at once, and their gradients.

Parameters are rows of one matrix, layers are batched products. Flat parameters make everything else
a line: distances between policies, points on the way from one to another, an optimiser's step, a
checkpoint. Gradients are written out, because what autograd records and allocates for each of many
small blocks costs more than the formulas are long.

In memory the inputs and hidden units of a sample lie side by side, but of outputs, which are few,
the samples do: narrow products and softmax are several times faster so.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Activation = Literal["relu", "tanh"]

_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
}
_MODULES: dict[Activation, Callable[[], torch.nn.Module]] = {
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
}
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
        self._activation = activation
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
            (batch, outputs, samples).
        """
        return self.gradient(parameters).forward(inputs)

    def gradient(self, parameters: Tensor) -> "PerceptronGradient":
        """Return a sum of gradients at `parameters`, (batch, P), so far of nothing."""
        return PerceptronGradient(*self._weights_and_biases(parameters), self._activation)

    def module(self, parameters: Tensor, inputs: Tensor, constant: Tensor) -> torch.nn.Sequential:
        """Return a network as a module of torch that shares nothing with this package.

        Args:
            parameters: Of the network, (P,).
            inputs: (n,), which of its inputs the module takes.
            constant: (inputs,), what all of them are apart from that; what is taken counts as 0.

        Returns:
            Takes (..., n) and returns (..., outputs).
        """
        all_weights, all_biases = self._weights_and_biases(parameters[None])
        found: list[torch.nn.Module] = []
        for number, (weights, biases) in enumerate(zip(all_weights, all_biases, strict=True)):
            weight, bias = weights[0], biases[0]
            if number == 0:
                weight, bias = weight[inputs], bias + constant @ weight
            else:
                found.append(_MODULES[self._activation]())
            linear = torch.nn.Linear(*weight.shape)
            linear.load_state_dict({"weight": weight.T, "bias": bias})
            found.append(linear)
        return torch.nn.Sequential(*found).requires_grad_(False)

    def _weights_and_biases(self, parameters: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return each layer's, (batch, n, m) and (batch, m)."""
        parts = parameters.split(self._splits, dim=1)
        weights = [
            part.view(len(parameters), *layer)
            for part, layer in zip(parts[::2], self._layers, strict=True)
        ]
        return weights, list(parts[1::2])


class PerceptronGradient:
    """A sum of gradients of the same networks over blocks of samples."""

    def __init__(self, weights: list[Tensor], biases: list[Tensor], activation: Activation) -> None:
        """Start at zero; layer by layer, weights are (batch, n, m), biases (batch, m)."""
        self._weights, self._biases, self._activation = weights, biases, activation
        self._by_weights: list[Tensor] = []
        self._by_biases: list[Tensor] = []
        self._layers: list[Tensor] = []

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs, (batch, outputs, samples), of inputs (batch, samples, inputs)."""
        activate = _ACTIVATIONS[self._activation]
        self._layers = [inputs]
        *hidden, (last_weights, last_bias) = zip(self._weights, self._biases, strict=True)
        for weights, bias in hidden:
            before = torch.baddbmm(bias.unsqueeze(1), self._layers[-1], weights)
            self._layers.append(activate(before))
        return torch.baddbmm(last_bias.unsqueeze(2), last_weights.mT, self._layers[-1].mT)

    def backward(self, by_outputs: Tensor) -> None:
        """Add the gradient of the samples that went forward last, which can be done once.

        Args:
            by_outputs: (batch, outputs, samples), derivatives of the sum of all samples' losses.
        """
        if not self._by_weights:
            self._by_weights = [torch.zeros_like(weights) for weights in self._weights[:-1]]
            self._by_weights.append(torch.zeros_like(self._weights[-1].mT.contiguous()))
            self._by_biases = [torch.zeros_like(bias) for bias in self._biases]
        self._by_biases[-1] += by_outputs.sum(dim=2)
        self._by_weights[-1].baddbmm_(by_outputs, self._layers[-1])
        derivatives = by_outputs.mT
        for layer in reversed(range(1, len(self._layers))):
            by_activated = torch.bmm(derivatives, self._weights[layer].mT)
            derivatives = _before_activation(self._activation, by_activated, self._layers[layer])
            self._by_biases[layer - 1] += derivatives.sum(dim=1)
            self._by_weights[layer - 1].baddbmm_(self._layers[layer - 1].mT, derivatives)

    def total(self) -> Tensor:
        """Return the sum, (batch, P)."""
        by_weights = [*self._by_weights[:-1], self._by_weights[-1].mT]
        pairs = zip(by_weights, self._by_biases, strict=True)
        return torch.cat([part.flatten(1) for pair in pairs for part in pair], dim=1)


def _before_activation(activation: Activation, derivatives: Tensor, activated: Tensor) -> Tensor:
    """Turn derivatives by what an activation gave into those by what it was given.

    They take the place of what it gave, which is still in the cache and not needed any more.
    """
    aten = torch.ops.aten
    result: Tensor
    if activation == "relu":
        result = aten.threshold_backward.grad_input(derivatives, activated, 0, grad_input=activated)
    else:
        result = aten.tanh_backward.grad_input(derivatives, activated, grad_input=activated)
    return result


def _orthogonal(inputs: int, outputs: int, generator: np.random.Generator) -> np.ndarray:
    tall = generator.standard_normal((max(inputs, outputs), min(inputs, outputs)))
    orthogonal, triangular = np.linalg.qr(tall)
    orthogonal *= np.sign(np.diag(triangular))
    return orthogonal if inputs >= outputs else orthogonal.T
