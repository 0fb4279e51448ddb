"""Decoupled PPO: weights correct for who collected the data, the clipped ratio limits the step."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import huber_loss


@dataclass(frozen=True)
class PolicyLoss:
    """The policy's loss, and figures of how far it has moved.

    Attributes:
        loss: (rows,), what is minimised.
        figures: By name, (rows,), without gradients.
    """

    loss: Tensor
    figures: dict[str, Tensor]


def policy_loss(
    log_probs: Tensor,
    entropy: Tensor,
    proximal_log_probs: Tensor,
    weights: Tensor,
    presence: Tensor,
    advantages: Tensor,
    *,
    clip: float,
    entropy_bonus: float,
) -> PolicyLoss:
    """Return the decoupled clipped objective (Hilton et al. 2022, arXiv 2110.00641).

    With r the ratio to the policy at the start of the local iteration and rho the weight of the
    data: - mean[rho min(r A, clip(r, 1 - eps, 1 + eps) A)] - bonus * mean entropy.

    Args:
        log_probs: (rows, agents, samples), of the policy that is being changed.
        entropy: (rows, agents, samples).
        proximal_log_probs: (rows, agents, samples), at the start of the local iteration.
        weights: (rows, agents, samples), rho; 0 where an agent was absent.
        presence: (rows, agents, samples), 1 / the share present where an agent acted, else 0.
        advantages: (rows, samples), shared by the team.
        clip: Epsilon.
        entropy_bonus: Factor on the mean entropy.
    """
    log_ratio = log_probs - proximal_log_probs
    ratio = log_ratio.exp()
    advantages = advantages.unsqueeze(1)
    clipped = ratio.clamp(1 - clip, 1 + clip)
    gain = torch.minimum(ratio * advantages, clipped * advantages)
    mean_entropy = (entropy * presence).mean(dim=(1, 2))
    loss = -(weights * gain).mean(dim=(1, 2)) - entropy_bonus * mean_entropy
    with torch.no_grad():
        figures = {
            "entropy": mean_entropy.detach(),
            "clip_fraction": ((clipped != ratio) * presence).mean(dim=(1, 2)),
            "approximate_kl": ((ratio - 1 - log_ratio) * presence).mean(dim=(1, 2)),
        }
    return PolicyLoss(loss, figures)


def value_loss(values: Tensor, targets: Tensor, weights: Tensor, huber_delta: float) -> Tensor:
    """Return the weighted Huber loss of each row, (rows,).

    Args:
        values: (rows, samples), in the units of the value normaliser.
        targets: (rows, samples), likewise.
        weights: (rows, samples), with mean 1.
        huber_delta: Where the loss turns from quadratic to linear.
    """
    losses = huber_loss(values, targets, reduction="none", delta=huber_delta)
    return (weights * losses).mean(dim=1)
