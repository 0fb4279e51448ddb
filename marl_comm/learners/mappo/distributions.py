"""Action distributions of all agents at once, from a network's outputs.

`outputs` is (rows, agents, samples, size of the distribution's parameters) throughout; results are
(rows, agents, samples). Randomness comes in as noise, so that each seed can own its stream.
"""

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from marl_comm.games.environments.spec import Spec

_LOG_DEVIATION = math.log(0.5)  # at the start, with actions ranging over [-1, 1]
_LOG_2PI = math.log(2 * math.pi)


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

    def log_prob_and_entropy(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probabilities and entropies, sharing work."""

    def kl(self, outputs: Tensor, other: Tensor) -> Tensor:
        """Return KL(distribution of `outputs` || distribution of `other`) in nats."""


class Categorical:
    """One of finitely many choices; agents may have fewer than the most."""

    def __init__(self, spec: Spec, device: torch.device) -> None:
        """Remember which choices each agent has."""
        mask = torch.from_numpy(spec.action_mask).float()
        self._forbidden = None
        if not bool(mask.all()):
            # Large and finite: differences of two of them stay zero, not nan.
            self._forbidden = (-1e9 * (1 - mask))[:, None].to(device)
        self.outputs = spec.largest_action

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Draw uniform numbers."""
        return torch.from_numpy(generator.random(shape, dtype=np.float32))

    def sample(self, outputs: Tensor, noise: Tensor) -> Tensor:
        """Invert the distribution function; int64."""
        cumulative = self._log_probs(outputs).exp().cumsum(dim=-1)
        # Just below the total, lest rounding lets a draw fall behind the last choice.
        draws = noise.unsqueeze(-1) * (cumulative[..., -1:] * (1 - 1e-6))
        return (cumulative <= draws).sum(dim=-1)

    def greedy(self, outputs: Tensor) -> Tensor:
        """Return the most likely choices."""
        return self._log_probs(outputs).argmax(dim=-1)

    def log_prob(self, outputs: Tensor, actions: Tensor) -> Tensor:
        """Return log-probabilities of choices."""
        return _of_choices(self._log_probs(outputs), actions)

    def log_prob_and_entropy(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probabilities of choices and the entropy."""
        log_probs = self._log_probs(outputs)
        entropy = -(log_probs.exp() * log_probs).sum(dim=-1)
        return _of_choices(log_probs, actions), entropy

    def kl(self, outputs: Tensor, other: Tensor) -> Tensor:
        """Return the divergence of the first from the second."""
        log_probs, other_log_probs = self._log_probs(outputs), self._log_probs(other)
        return (log_probs.exp() * (log_probs - other_log_probs)).sum(dim=-1)

    def _log_probs(self, outputs: Tensor) -> Tensor:
        if self._forbidden is not None:
            outputs = outputs + self._forbidden
        return torch.log_softmax(outputs, dim=-1)


class DiagonalGaussian:
    """Independent normal distributions over the dimensions of an action.

    Actions are not clipped here: what lies beyond the range is clipped by the environment, and
    the density is that of the number drawn.
    """

    def __init__(self, spec: Spec, device: torch.device) -> None:
        """Remember which dimensions each agent has."""
        self._mask = torch.from_numpy(spec.action_mask).float()[:, None].to(device)
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
        return (mean + log_deviation.exp() * noise) * self._mask

    def greedy(self, outputs: Tensor) -> Tensor:
        """Return the means."""
        return self._parts(outputs)[0] * self._mask

    def log_prob(self, outputs: Tensor, actions: Tensor) -> Tensor:
        """Return log-densities."""
        mean, log_deviation = self._parts(outputs)
        standardised = (actions - mean) * (-log_deviation).exp()
        log_densities = -0.5 * (standardised.square() + _LOG_2PI) - log_deviation
        return (log_densities * self._mask).sum(dim=-1)

    def log_prob_and_entropy(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-densities and the entropy."""
        _, log_deviation = self._parts(outputs)
        entropy = ((log_deviation + 0.5 * (1 + _LOG_2PI)) * self._mask).sum(dim=-1)
        return self.log_prob(outputs, actions), entropy

    def kl(self, outputs: Tensor, other: Tensor) -> Tensor:
        """Return the divergence of the first from the second."""
        mean, log_deviation = self._parts(outputs)
        other_mean, other_log_deviation = self._parts(other)
        variance_ratio = (2 * (log_deviation - other_log_deviation)).exp()
        distance = (mean - other_mean).square() * (-2 * other_log_deviation).exp()
        divergences = 0.5 * (variance_ratio + distance - 1) + other_log_deviation - log_deviation
        return (divergences * self._mask).sum(dim=-1)

    def _parts(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = outputs.split(self._dimensions, dim=-1)
        return mean, raw.clamp(-4.0, 1.0) + _LOG_DEVIATION


def distribution_for(spec: Spec, device: torch.device) -> Distribution:
    """Return the family that fits the environment's actions."""
    return Categorical(spec, device) if spec.discrete else DiagonalGaussian(spec, device)


def _of_choices(log_probs: Tensor, actions: Tensor) -> Tensor:
    return log_probs.gather(-1, actions.long().unsqueeze(-1)).squeeze(-1)
