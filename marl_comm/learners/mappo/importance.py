"""Importance weights of joint or single actions, for data of earlier or predicted policies."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

WeightKind = Literal["per_agent", "joint", "separate"]

# Beyond this a weight is as good as infinite, and its exponential still fits into 32 bits.
_LARGEST_LOG_WEIGHT = 40.0


@dataclass(frozen=True)
class LogRatios:
    """Logarithms of the current policies' probabilities over those of whoever played.

    Attributes:
        own: (rows, agents, samples), of each agent's own action; 0 where it was absent.
        joint: (rows, samples), of the actions of all agents together.
        others: (rows, agents, samples), of the actions of all but each agent.
    """

    own: Tensor
    joint: Tensor
    others: Tensor

    @classmethod
    def of_one(cls, log_probs: Tensor, behaviour: Tensor, alive: Tensor) -> "LogRatios":
        """Return the ratios to the one policy that played; (rows, agents, samples) all three."""
        own = (log_probs - behaviour) * alive
        joint = own.sum(dim=1)
        return cls(own, joint, joint.unsqueeze(1) - own)

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
        joint, others = own[:, 0], own
        # An absent agent's actions are anything, their probabilities too.
        log_probs = log_probs * alive
        for behaviour, share in zip(behaviours, shares, strict=True):
            each, log_share = behaviour * alive, math.log(share)
            together = each.sum(dim=1)
            own = torch.logaddexp(own, each + log_share)
            joint = torch.logaddexp(joint, together + log_share)
            others = torch.logaddexp(others, together.unsqueeze(1) - each + log_share)
        together = log_probs.sum(dim=1)
        return cls(
            (log_probs - own) * alive,
            together - joint,
            together.unsqueeze(1) - log_probs - others,
        )

    def ignored(self) -> "LogRatios":
        """Return what data are worth that count as the current policies' own."""
        own = torch.zeros_like(self.own)
        return LogRatios(own, torch.zeros_like(self.joint), own)


def weights_of(log_ratios: Tensor) -> Tensor:
    """Return weights, neither truncated nor rescaled, of any shape."""
    return log_ratios.clamp_max(_LARGEST_LOG_WEIGHT).exp()


def effective_sample_size(weights: Tensor) -> Tensor:
    """Return (sum W)^2 / (N sum W^2) of each row, (rows,), for weights (rows, samples)."""
    scaled = weights / weights.amax(dim=1, keepdim=True).clamp_min(1e-30)
    share = scaled.sum(dim=1).square() / (weights.shape[1] * scaled.square().sum(dim=1))
    return share.clamp_max(1.0)  # which rounding can exceed


def truncated_weights(
    log_ratios: LogRatios,
    alive: Tensor,
    kind: WeightKind,
    largest: float,
    largest_of_others: float,
    *,
    apart: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return what each agent's samples count for, and the share of weights that were cut.

    Args:
        log_ratios: Of the data.
        alive: (rows, agents, samples), 1 where the agent acted, else 0.
        kind: Each agent's own ratio; that of the joint action for all agents; or the product of
            its own and the others', each truncated by itself.
        largest: Where weights are truncated.
        largest_of_others: Where the others' ratios are, with `separate`.
        apart: Whether each agent's weights are rescaled by themselves.

    Returns:
        (rows, agents, samples), with mean 1 over what each row's agents did and 0 where they did
        nothing; and (rows,).
    """
    if kind == "joint":
        weights = weights_of(log_ratios.joint).unsqueeze(1).expand_as(log_ratios.own)
    else:
        weights = weights_of(log_ratios.own)
    too_large = weights > largest
    weights = weights.clamp_max(largest)
    if kind == "separate":
        others = weights_of(log_ratios.others)
        too_large |= others > largest_of_others
        weights = weights * others.clamp_max(largest_of_others)
    cut = (too_large * alive).sum(dim=(1, 2)) / alive.sum(dim=(1, 2))
    weights, together = weights * alive, 2 if apart else (1, 2)
    acted = alive.sum(dim=together, keepdim=True)
    mean = weights.sum(dim=together, keepdim=True) / acted.clamp_min(1.0)
    return weights / mean.clamp_min(1e-30), cut
