"""Actions that are several choices at once, each drawn by itself given what an agent sees.

The choices' parts are laid side by side as if they were further samples of one choice.
"""

import numpy as np
import torch
from torch import Tensor

from marl_comm.games.environments.spec import Spec
from marl_comm.learners.mappo.distributions import Categorical, Pullback, permitted


class SeveralChoices:
    """Independent choices; agents may have fewer of them, and fewer in each, than the most."""

    def __init__(self, spec: Spec, device: torch.device) -> None:
        """Remember which choices each agent has."""
        agents, self._parts, self._largest = spec.choices.shape
        existing = torch.from_numpy(spec.choices.reshape(agents, -1)).to(device)
        self._existing = existing[None, :, None]
        self.outputs = self._parts * self._largest
        self._one = Categorical(Spec(("part",), (0,), (self._largest,), discrete=True), device)

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Draw uniform numbers, one for each part."""
        return self._one.noise(generator, (*shape, self._parts))

    def sample(self, outputs: Tensor, noise: Tensor) -> Tensor:
        """Invert the distribution functions; int64."""
        return self._apart(self._one.sample(self._beside(outputs), self._joined(noise)))

    def greedy(self, outputs: Tensor) -> Tensor:
        """Return the most likely choices."""
        return self._apart(self._one.greedy(self._beside(outputs)))

    def log_prob(self, outputs: Tensor, actions: Tensor) -> Tensor:
        """Return log-probabilities of all parts' choices together."""
        return self._summed(self._one.log_prob(self._beside(outputs), self._joined(actions)))

    def differentiable(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Pullback]:
        """Return log-probabilities, entropies, and how to follow both back."""
        log_probs, entropies, of_parts = self._one.differentiable(
            self._beside(outputs), self._joined(actions)
        )

        def pullback(by_log_prob: Tensor, by_entropy: Tensor) -> Tensor:
            each = (by_log_prob.repeat(1, 1, self._parts), by_entropy.repeat(1, 1, self._parts))
            by_outputs = of_parts(*each).unflatten(3, (self._parts, -1))
            by_network: Tensor = by_outputs.permute(0, 3, 1, 2, 4).flatten(1, 2)
            return by_network

        return self._summed(log_probs), self._summed(entropies), pullback

    def kl(self, outputs: Tensor, other: Tensor) -> Tensor:
        """Return the divergence of the first from the second."""
        return self._summed(self._one.kl(self._beside(outputs), self._beside(other)))

    def _beside(self, outputs: Tensor) -> Tensor:
        """Return (rows, largest choice, agents, parts * samples) of outputs."""
        allowed = permitted(outputs, self._existing.expand(len(outputs), -1, outputs.shape[3], -1))
        beside: Tensor = (
            allowed.unflatten(1, (self._parts, -1)).permute(0, 2, 3, 1, 4).flatten(3, 4)
        )
        return beside

    def _joined(self, of_parts: Tensor) -> Tensor:
        """Return (rows, agents, parts * samples) of (rows, agents, samples, parts)."""
        together: Tensor = of_parts.movedim(-1, 2).flatten(2, 3)
        return together

    def _apart(self, joined: Tensor) -> Tensor:
        """Return (rows, agents, samples, parts) of (rows, agents, parts * samples)."""
        apart: Tensor = joined.unflatten(2, (self._parts, -1)).movedim(2, -1)
        return apart

    def _summed(self, joined: Tensor) -> Tensor:
        """Return sums over the parts, (rows, agents, samples)."""
        total: Tensor = joined.unflatten(2, (self._parts, -1)).sum(dim=2)
        return total
