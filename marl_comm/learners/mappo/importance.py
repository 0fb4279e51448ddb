"""Importance weights of joint or single actions, for data of earlier or predicted policies."""

from typing import Literal

from torch import Tensor

WeightKind = Literal["per_agent", "joint"]

# Beyond this a weight is as good as infinite, and its exponential still fits into 32 bits.
_LARGEST_LOG_WEIGHT = 40.0


def joint_weights(log_ratios: Tensor) -> Tensor:
    """Return the weights of joint actions, (rows, samples), neither truncated nor rescaled.

    Args:
        log_ratios: (rows, agents, samples), log current - log behaviour; 0 for absent agents.
    """
    return log_ratios.sum(dim=1).clamp_max(_LARGEST_LOG_WEIGHT).exp()


def effective_sample_size(weights: Tensor) -> Tensor:
    """Return (sum W)^2 / (N sum W^2) of each row, (rows,), for weights (rows, samples)."""
    scaled = weights / weights.amax(dim=1, keepdim=True).clamp_min(1e-30)
    share = scaled.sum(dim=1).square() / (weights.shape[1] * scaled.square().sum(dim=1))
    return share.clamp_max(1.0)  # which rounding can exceed


def truncated_weights(
    log_ratios: Tensor, alive: Tensor, kind: WeightKind, largest: float
) -> tuple[Tensor, Tensor]:
    """Return what each agent's samples count for, and the share of weights that were cut.

    Args:
        log_ratios: (rows, agents, samples), log current - log behaviour; 0 for absent agents.
        alive: (rows, agents, samples), 1 where the agent acted, else 0.
        kind: Each agent's own ratio, or that of the joint action for all agents.
        largest: Where weights are truncated.

    Returns:
        (rows, agents, samples), with mean 1 over what each row's agents did and 0 where they did
        nothing; and (rows,).
    """
    if kind == "joint":
        weights = joint_weights(log_ratios).unsqueeze(1).expand_as(log_ratios)
    else:
        weights = log_ratios.clamp_max(_LARGEST_LOG_WEIGHT).exp()
    acted = alive.sum(dim=(1, 2))
    cut = ((weights > largest) * alive).sum(dim=(1, 2)) / acted
    weights = weights.clamp_max(largest) * alive
    mean = weights.sum(dim=(1, 2)) / acted
    return weights / mean.clamp_min(1e-30)[:, None, None], cut
