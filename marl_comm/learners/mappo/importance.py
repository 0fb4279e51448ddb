"""Importance weights of joint or single actions, for data of earlier or predicted policies."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

WeightKind = Literal["per_agent", "joint"]

# Beyond this a weight is as good as infinite, and its exponential still fits into 32 bits.
_LARGEST_LOG_WEIGHT = 40.0


@dataclass(frozen=True)
class LogRatios:
    """Logarithms of the current policies' probabilities over those of whoever played.

    Attributes:
        own: (rows, agents, samples), of each agent's own action; 0 where it was absent.
        joint: (rows, samples), of the actions of all agents together.
    """

    own: Tensor
    joint: Tensor

    @classmethod
    def of_one(cls, log_probs: Tensor, behaviour: Tensor, alive: Tensor) -> "LogRatios":
        """Return the ratios to the one policy that played; (rows, agents, samples) all three."""
        own = (log_probs - behaviour) * alive
        return cls(own, own.sum(dim=1))

    @classmethod
    def of_mixture(
        cls,
        log_probs: Tensor,
        behaviours: Iterable[Tensor],
        shares: Sequence[float],
        alive: Tensor,
    ) -> "LogRatios":
        """Return the ratios to a mixture of policies, each of which has played a share.

        The balance heuristic of multiple importance sampling (Veach & Guibas 1995): whoever
        played a sample, its density is that of all policies together.

        Args:
            log_probs: (rows, agents, samples), under the current policies.
            behaviours: The same under each of the policies that played.
            shares: What part of the samples each of them has played; their sum is 1.
            alive: (rows, agents, samples), 1 where the agent acted, else 0.
        """
        own = torch.full_like(log_probs, -torch.inf)
        joint = own[:, 0]
        for behaviour, share in zip(behaviours, shares, strict=True):
            own = torch.logaddexp(own, behaviour + math.log(share))
            joint = torch.logaddexp(joint, (behaviour * alive).sum(dim=1) + math.log(share))
        # An absent agent's actions are anything, their probabilities too.
        own = torch.where(alive > 0, log_probs - own, 0.0)
        return cls(own, (log_probs * alive).sum(dim=1) - joint)

    def ignored(self) -> "LogRatios":
        """Return what data are worth that count as the current policies' own."""
        return LogRatios(torch.zeros_like(self.own), torch.zeros_like(self.joint))


def weights_of(log_ratios: Tensor) -> Tensor:
    """Return weights, neither truncated nor rescaled, of any shape."""
    return log_ratios.clamp_max(_LARGEST_LOG_WEIGHT).exp()


def effective_sample_size(weights: Tensor) -> Tensor:
    """Return (sum W)^2 / (N sum W^2) of each row, (rows,), for weights (rows, samples)."""
    scaled = weights / weights.amax(dim=1, keepdim=True).clamp_min(1e-30)
    share = scaled.sum(dim=1).square() / (weights.shape[1] * scaled.square().sum(dim=1))
    return share.clamp_max(1.0)  # which rounding can exceed


def truncated_weights(
    log_ratios: LogRatios, alive: Tensor, kind: WeightKind, largest: float
) -> tuple[Tensor, Tensor]:
    """Return what each agent's samples count for, and the share of weights that were cut.

    Args:
        log_ratios: Of the data.
        alive: (rows, agents, samples), 1 where the agent acted, else 0.
        kind: Each agent's own ratio, or that of the joint action for all agents.
        largest: Where weights are truncated.

    Returns:
        (rows, agents, samples), with mean 1 over what each row's agents did and 0 where they did
        nothing; and (rows,).
    """
    if kind == "joint":
        weights = weights_of(log_ratios.joint).unsqueeze(1).expand_as(log_ratios.own)
    else:
        weights = weights_of(log_ratios.own)
    acted = alive.sum(dim=(1, 2))
    cut = ((weights > largest) * alive).sum(dim=(1, 2)) / acted
    weights = weights.clamp_max(largest) * alive
    mean = weights.sum(dim=(1, 2)) / acted
    return weights / mean.clamp_min(1e-30)[:, None, None], cut
