"""Generalised advantage estimation and the normalisation of values and advantages."""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from marl_comm.rows import Rows, record

# Differences this small beside the numbers they are of are rounding: of 32 bits, squared. Relative,
# as the unit of rewards must not matter.
_ROUNDING = 1e-12
_SMALLEST_WEIGHT = 1e-30  # of all samples together, in 32 bits
_TINY = 1e-200  # keeps zeros from being divided by zero, in 64 bits


def generalised_advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    ended: Tensor,
    discount: float,
    trace: float,
) -> Tensor:
    """Return generalised advantage estimates (Schulman et al. 2016, arXiv 1506.02438).

    Args:
        rewards: (..., steps, copies).
        values: (..., steps, copies), of the probes acted in.
        next_values: (..., steps, copies), of what they led to; 0 where nothing follows.
        ended: (..., steps, copies), bool, whether the episode was over after the step.
        discount: Gamma.
        trace: Lambda.

    Returns:
        (..., steps, copies).
    """
    errors = rewards + discount * next_values - values
    decay = discount * trace * (~ended).to(values.dtype)
    advantages = torch.empty_like(values)
    following = torch.zeros_like(values[..., 0, :])
    for step in reversed(range(values.shape[-2])):
        following = errors[..., step, :] + decay[..., step, :] * following
        advantages[..., step, :] = following
    return advantages


def corrected_advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    ended: Tensor,
    ratios: Tensor,
    discount: float,
    trace: float,
    *,
    largest_on_delta: float,
    largest_on_trace: float,
) -> tuple[Tensor, Tensor]:
    """Return V-trace's advantages and what its targets exceed values by (arXiv 1802.01561).

    Espeholt et al. 2018. With d the temporal difference, rho and c the truncated ratios, and c
    multiplied by lambda (their remark 2), targets are v = V + x with
    x_t = rho_t d_t + gamma c_t x_(t+1). Advantages are d_t + gamma lambda x_(t+1): with lambda 1
    theirs, r + gamma v_(t+1) - V; on data of the current policies generalised ones.

    Args:
        rewards: (..., steps, copies).
        values: (..., steps, copies), of the states acted in.
        next_values: (..., steps, copies), of what they led to; 0 where nothing follows.
        ended: (..., steps, copies), bool, whether the episode was over after the step.
        ratios: (..., steps, copies), importance weights of single steps, not truncated.
        discount: Gamma.
        trace: Lambda.
        largest_on_delta: Where rho is truncated.
        largest_on_trace: Where c is truncated.

    Returns:
        Advantages without the ratio of the step itself, and x, (..., steps, copies) both.
    """
    errors = rewards + discount * next_values - values
    goes_on = discount * (~ended).to(values.dtype)
    on_delta = ratios.clamp_max(largest_on_delta)
    on_trace = trace * ratios.clamp_max(largest_on_trace)
    advantages, excess = torch.empty_like(values), torch.empty_like(values)
    following = torch.zeros_like(values[..., 0, :])
    for step in reversed(range(values.shape[-2])):
        carried = goes_on[..., step, :] * following
        error = errors[..., step, :]
        advantages[..., step, :] = error + trace * carried
        following = on_delta[..., step, :] * error + on_trace[..., step, :] * carried
        excess[..., step, :] = following
    return advantages, excess


def following_values(
    values: Tensor, final_values: Tensor, stretch: Tensor, ended: Tensor, terminated: Tensor
) -> Tensor:
    """Return the values of what each step led to, (..., steps, copies).

    Where a limit on steps ended an episode, the value of where it was cut off goes on counting:
    the limit is none of the environment's doing (Pardo et al. 2018, arXiv 1712.00378).

    Args:
        values: (..., steps, copies), of the probes acted in.
        final_values: (..., stretches, copies), of what each stretch of steps led to.
        stretch: (..., steps, copies), which stretch a step belongs to.
        ended: (..., steps, copies), bool, whether the episode was over after the step.
        terminated: (..., steps, copies), bool, whether it ended by itself.
    """
    last = torch.zeros_like(ended)
    last[..., -1, :] = True
    after = torch.cat([values[..., 1:, :], torch.zeros_like(values[..., :1, :])], dim=-2)
    after = torch.where(ended | last, final_values.gather(-2, stretch), after)
    return torch.where(terminated, torch.zeros_like(after), after)


def weighted_moments(numbers: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return weighted means and variances over samples, (..., 1) both.

    Args:
        numbers: (..., samples).
        weights: (..., samples), not negative; where all are zero, so are mean and variance.
    """
    shares = weights / weights.sum(dim=-1, keepdim=True).clamp_min(_SMALLEST_WEIGHT)
    mean = (shares * numbers).sum(dim=-1, keepdim=True)
    variance = (shares * (numbers - mean).square()).sum(dim=-1, keepdim=True)
    return mean, variance


def smallest_variance(numbers: Tensor, weights: Tensor) -> Tensor:
    """Return the variance that rounding alone gives to such numbers, (..., 1), in 64 bits."""
    mean, variance = weighted_moments(numbers, weights)
    return _ROUNDING * (variance.double() + mean.double().square()) + _TINY


def normalised(numbers: Tensor, weights: Tensor, smallest: Tensor) -> Tensor:
    """Return numbers with weighted mean 0 and variance 1 over samples, (..., samples).

    Args:
        numbers: (..., samples).
        weights: (..., samples).
        smallest: (..., 1), the variance of what is mere rounding.
    """
    mean, variance = weighted_moments(numbers, weights)
    deviation = (variance.double() + smallest).sqrt()
    return ((numbers - mean) / deviation).to(numbers.dtype)


@record
class ValueNormaliser:
    """Running mean and deviation of the returns; the critic predicts returns in these units.

    Before the first returns their unit is unknown, and whatever the critic says stands for 0.

    Attributes:
        moments: (rows, 3), or (rows, agents, 3) where each has a critic, float64: decayed sums of
            weights, means, and means of squares.
    """

    DECAY = 0.99
    moments: Rows[Tensor]

    def __init__(self, moments: Tensor) -> None:
        """Start from given sums; zeros for none."""
        self.moments = moments

    @classmethod
    def fresh(cls, shape: Sequence[int], device: torch.device) -> Self:
        """Return one that has seen nothing, for critics of a shape: (rows,) or (rows, agents)."""
        return cls(torch.zeros((*shape, 3), dtype=torch.float64, device=device))

    def update(self, returns: Tensor, weights: Tensor) -> None:
        """Take in the returns of a local update, (..., samples) both."""
        mean, variance = (moment.double() for moment in weighted_moments(returns, weights))
        new = torch.cat([torch.ones_like(mean), mean, variance + mean.square()], dim=-1)
        self.moments = self.DECAY * self.moments + (1 - self.DECAY) * new

    def normalise(self, returns: Tensor) -> Tensor:
        """Return (..., samples) in units of the running deviation."""
        mean, deviation = self._scale()
        return ((returns - mean) / deviation).to(returns.dtype)

    def restore(self, values: Tensor) -> Tensor:
        """Return what `normalise` was given, (..., samples)."""
        mean, deviation = self._scale()
        known = self.moments[..., :1] > 0
        return torch.where(known, values * deviation + mean, 0.0).to(values.dtype)

    def _scale(self) -> tuple[Tensor, Tensor]:
        _, mean, square = (self.moments / self.moments[..., :1].clamp_min(_TINY)).split(1, dim=-1)
        variance = torch.maximum(square - mean.square(), _ROUNDING * square + _TINY)
        return mean, variance.sqrt()
