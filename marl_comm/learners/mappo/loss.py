"""Decoupled PPO: weights correct for who collected the data, the clipped ratio limits the step.

Losses are minimised; here are their derivatives, and figures, as sums over samples.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PolicySlopes:
    """Derivatives of the policy's loss, and figures of how far it has moved.

    Attributes:
        by_log_prob: (rows, agents, samples), by log-probabilities of actions.
        by_entropy: (rows, agents, samples), by entropies.
        figures: By name, (rows,).
    """

    by_log_prob: Tensor
    by_entropy: Tensor
    figures: dict[str, Tensor]


def policy_slopes(
    log_probs: Tensor,
    entropy: Tensor,
    proximal_log_probs: Tensor,
    weighted_advantages: Tensor,
    presence: Tensor,
    *,
    clip: float,
    entropy_bonus: float,
) -> PolicySlopes:
    """Differentiate the decoupled clipped objective (Hilton et al. 2022, arXiv 2110.00641).

    With r the ratio to the policy at the start of the local update, rho the weight of the data
    and A the advantage, the loss is - sum[rho min(r A, clip(r, 1 - eps, 1 + eps) A)] - bonus * sum
    of entropies. Its derivative by log r is - rho r A where the minimum is r A, else 0.

    Args:
        log_probs: (rows, agents, samples), of the policy that is being changed.
        entropy: (rows, agents, samples).
        proximal_log_probs: (rows, agents, samples), at the start of the local update.
        weighted_advantages: (rows, agents, samples), rho A; 0 where an agent was absent.
        presence: (rows, agents, samples), what a sample counts for; 0 where an agent was absent.
        clip: Epsilon.
        entropy_bonus: Factor on the entropy.
    """
    log_ratio = log_probs - proximal_log_probs
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    gain = ratio * weighted_advantages
    limited = clipped * weighted_advantages
    by_log_prob = gain.masked_fill(gain > limited, 0.0).neg_()
    figures = {
        "policy_loss": gain.minimum(limited).sum(dim=(1, 2)).neg_(),
        "entropy": (entropy * presence).sum(dim=(1, 2)),
        "clip_fraction": ((clipped != ratio) * presence).sum(dim=(1, 2)),
        "approximate_kl": ((ratio - 1 - log_ratio) * presence).sum(dim=(1, 2)),
    }
    return PolicySlopes(by_log_prob, -entropy_bonus * presence, figures)


def value_slopes(
    values: Tensor, targets: Tensor, weights: Tensor, huber_delta: float
) -> tuple[Tensor, Tensor]:
    """Differentiate the weighted Huber loss.

    Args:
        values: (rows, ..., samples), in the units of the value normaliser.
        targets: (rows, ..., samples), likewise.
        weights: (rows, ..., samples).
        huber_delta: Where the loss turns from quadratic to linear.

    Returns:
        Derivatives by values, (rows, ..., samples), and the loss, summed over samples, (rows,).
    """
    error = values - targets
    limited = error.clamp(-huber_delta, huber_delta)
    slopes = weights * limited
    return slopes, (slopes * (error - 0.5 * limited)).flatten(1).sum(dim=1)
