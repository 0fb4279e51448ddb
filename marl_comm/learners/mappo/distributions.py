"""Action distributions of all agents at once, from a network's outputs.

`outputs` is (rows, size of the distribution's parameters, agents, samples) throughout; results are
(rows, agents, samples). Randomness comes in as noise, so that each seed can own its stream.
"""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from marl_comm.games.environments.spec import Spec

_LOG_DEVIATION = math.log(0.5)  # at the start, with actions ranging over [-1, 1]
_LOWEST, _HIGHEST = -4.0, 1.0  # what a network may add to it
_LOG_2PI = math.log(2 * math.pi)

# Turns derivatives by log-probabilities and by entropies, (rows, agents, samples) both, into
# derivatives by outputs.
Pullback = Callable[[Tensor, Tensor], Tensor]


_FORBIDDEN = -1e9  # large and finite: differences of two of them stay zero, not nan


def permitted(outputs: Tensor, legal: Tensor) -> Tensor:
    """Return outputs under which choices that are not legal have probability zero.

    Sampling, log-probabilities, entropies, divergences and gradients follow from outputs, and so
    they are all of the masked policy.

    Args:
        outputs: (rows, outputs, agents, samples).
        legal: (rows, agents, samples, outputs), bool; of size 0 where nothing is masked.
    """
    if legal.shape[-1] == 0:
        return outputs
    return outputs.masked_fill(~legal.movedim(-1, 1), _FORBIDDEN)


class Distribution(Protocol):
    """A family of action distributions."""

    @property
    def outputs(self) -> int:
        """How many numbers a network gives for each agent."""

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Draw what `sample` needs for actions of the given shape."""

    def sample(self, outputs: Tensor, noise: Tensor) -> Tensor:
        """Turn noise into actions."""

    def greedy(self, outputs: Tensor) -> Tensor:
        """Return the most likely actions."""

    def log_prob(self, outputs: Tensor, actions: Tensor) -> Tensor:
        """Return the log-probabilities (densities) of actions."""

    def differentiable(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Pullback]:
        """Return log-probabilities of actions, entropies, and how to follow both back."""

    def kl(self, outputs: Tensor, other: Tensor) -> Tensor:
        """Return KL(distribution of `outputs` || distribution of `other`) in nats."""


class Categorical:
    """One of finitely many choices; agents may have fewer than the most."""

    def __init__(self, spec: Spec, device: torch.device) -> None:
        """Remember which choices each agent has."""
        mask = torch.from_numpy(spec.existing_actions).float().T
        self._forbidden = None
        if not bool(mask.all()):
            self._forbidden = (_FORBIDDEN * (1 - mask)).unsqueeze(-1).to(device)
        self.outputs = spec.largest_action

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Draw uniform numbers."""
        return torch.from_numpy(generator.random(shape, dtype=np.float32))

    def sample(self, outputs: Tensor, noise: Tensor) -> Tensor:
        """Invert the distribution function; int64."""
        cumulative = self._log_probs(outputs).exp().cumsum(dim=1)
        # Just below the total, lest rounding lets a draw fall behind the last choice.
        draws = noise.unsqueeze(1) * (cumulative[:, -1:] * (1 - 1e-6))
        return (cumulative <= draws).sum(dim=1)

    def greedy(self, outputs: Tensor) -> Tensor:
        """Return the most likely choices."""
        return self._log_probs(outputs).argmax(dim=1)

    def log_prob(self, outputs: Tensor, actions: Tensor) -> Tensor:
        """Return log-probabilities of choices."""
        return self._log_probs(outputs).gather(1, actions.long().unsqueeze(1)).squeeze(1)

    def differentiable(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Pullback]:
        """Return log-probabilities of choices, the entropy, and how to follow both back."""
        log_probs = self._log_probs(outputs)
        probs = log_probs.exp()
        entropy = -(probs * log_probs).sum(dim=1)
        chosen = actions.long().unsqueeze(1)

        def pullback(by_log_prob: Tensor, by_entropy: Tensor) -> Tensor:
            # With l = log p: d l[a] / d output = 1[a] - p, and dH / d output = -p (l + H).
            common = torch.addcmul(by_log_prob, by_entropy, entropy).neg_().unsqueeze(1)
            by_outputs = torch.addcmul(common, by_entropy.unsqueeze(1), log_probs, value=-1)
            return by_outputs.mul_(probs).scatter_add_(1, chosen, by_log_prob.unsqueeze(1))

        return log_probs.gather(1, chosen).squeeze(1), entropy, pullback

    def kl(self, outputs: Tensor, other: Tensor) -> Tensor:
        """Return the divergence of the first from the second."""
        log_probs, other_log_probs = self._log_probs(outputs), self._log_probs(other)
        return (log_probs.exp() * (log_probs - other_log_probs)).sum(dim=1)

    def _log_probs(self, outputs: Tensor) -> Tensor:
        if self._forbidden is not None:
            outputs = outputs + self._forbidden
        return torch.log_softmax(outputs, dim=1)


class DiagonalGaussian:
    """Independent normal distributions over the dimensions of an action.

    Actions are not clipped here: what lies beyond the range is clipped by the environment, and
    the density is that of the number drawn.
    """

    def __init__(self, spec: Spec, device: torch.device) -> None:
        """Remember which dimensions each agent has."""
        self._mask = torch.from_numpy(spec.existing_actions).float().T.unsqueeze(-1).to(device)
        self._dimensions = spec.largest_action
        self.outputs = 2 * spec.largest_action

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Draw standard normal numbers."""
        return torch.from_numpy(
            generator.standard_normal((*shape, self._dimensions), dtype=np.float32)
        )

    def sample(self, outputs: Tensor, noise: Tensor) -> Tensor:
        """Scale and shift the noise."""
        mean, log_deviation = self._parts(outputs)
        return ((mean + log_deviation.exp() * noise.movedim(-1, 1)) * self._mask).movedim(1, -1)

    def greedy(self, outputs: Tensor) -> Tensor:
        """Return the means."""
        return (self._parts(outputs)[0] * self._mask).movedim(1, -1)

    def log_prob(self, outputs: Tensor, actions: Tensor) -> Tensor:
        """Return log-densities."""
        return self.differentiable(outputs, actions)[0]

    def differentiable(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Pullback]:
        """Return log-densities, the entropy, and how to follow both back."""
        mean, log_deviation = self._parts(outputs)
        inverse = (-log_deviation).exp()
        standardised = (actions.movedim(-1, 1) - mean) * inverse
        squares = standardised.square()
        log_densities = -0.5 * (squares + _LOG_2PI) - log_deviation
        log_prob = (log_densities * self._mask).sum(dim=1)
        entropy = ((log_deviation + 0.5 * (1 + _LOG_2PI)) * self._mask).sum(dim=1)

        def pullback(by_log_prob: Tensor, by_entropy: Tensor) -> Tensor:
            by_log_prob = by_log_prob.unsqueeze(1) * self._mask
            by_mean = by_log_prob * standardised * inverse
            by_deviation = by_log_prob * (squares - 1) + by_entropy.unsqueeze(1) * self._mask
            raw = outputs[:, self._dimensions :]
            limited = (raw < _LOWEST) | (raw > _HIGHEST)
            return torch.cat([by_mean, by_deviation.masked_fill_(limited, 0.0)], dim=1)

        return log_prob, entropy, pullback

    def kl(self, outputs: Tensor, other: Tensor) -> Tensor:
        """Return the divergence of the first from the second."""
        mean, log_deviation = self._parts(outputs)
        other_mean, other_log_deviation = self._parts(other)
        variance_ratio = (2 * (log_deviation - other_log_deviation)).exp()
        distance = (mean - other_mean).square() * (-2 * other_log_deviation).exp()
        divergences = 0.5 * (variance_ratio + distance - 1) + other_log_deviation - log_deviation
        return (divergences * self._mask).sum(dim=1)

    def _parts(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = outputs.split(self._dimensions, dim=1)
        return mean, raw.clamp(_LOWEST, _HIGHEST) + _LOG_DEVIATION
