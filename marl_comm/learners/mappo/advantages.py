"""Generalised advantage estimation and the normalisation of values and advantages."""

from typing import Self

import torch
from torch import Tensor

_SMALLEST_VARIANCE = 1e-8


def generalised_advantages(
    rewards: Tensor,
    values: Tensor,
    last_values: Tensor,
    ended: Tensor,
    discount: float,
    trace: float,
) -> Tensor:
    """Return generalised advantage estimates (Schulman et al. 2016, arXiv 1506.02438).

    An episode that ends is over: nothing is expected after it, whether it ended by itself or by a
    limit on its steps.

    Args:
        rewards: (rows, steps, copies).
        values: (rows, steps, copies), of the situations acted in.
        last_values: (rows, copies), of the situation after the last step.
        ended: (rows, steps, copies), bool, whether the episode ended with that step.
        discount: Gamma.
        trace: Lambda.

    Returns:
        (rows, steps, copies).
    """
    going_on = (~ended).to(values.dtype)
    advantages = torch.empty_like(values)
    following = torch.zeros_like(last_values)
    next_values = last_values
    for step in reversed(range(rewards.shape[1])):
        expected = rewards[:, step] + discount * next_values * going_on[:, step]
        following = (
            expected - values[:, step] + discount * trace * going_on[:, step] * following
        )
        advantages[:, step] = following
        next_values = values[:, step]
    return advantages


def weighted_moments(numbers: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weighted mean and variance of each row, (rows, 1) both.

    Args:
        numbers: (rows, samples).
        weights: (rows, samples), not negative, not all zero in a row.
    """
    shares = weights / weights.sum(dim=1, keepdim=True)
    mean = (shares * numbers).sum(dim=1, keepdim=True)
    variance = (shares * (numbers - mean).square()).sum(dim=1, keepdim=True)
    return mean, variance


def normalised(numbers: Tensor, weights: Tensor) -> Tensor:
    """Return numbers with weighted mean 0 and variance 1 in each row, (rows, samples)."""
    mean, variance = weighted_moments(numbers, weights)
    return (numbers - mean) / (variance + _SMALLEST_VARIANCE).sqrt()


class ValueNormaliser:
    """Running mean and deviation of the returns; the critic predicts returns in these units.

    Attributes:
        moments: (rows, 3): decayed sums of weights, means, and means of squares.
    """

    DECAY = 0.99

    def __init__(self, moments: Tensor) -> None:
        """Start from given sums; zeros for none."""
        self.moments = moments

    def update(self, returns: Tensor, weights: Tensor) -> None:
        """Take in the returns of a local iteration, (rows, samples) both."""
        mean, variance = weighted_moments(returns, weights)
        new = torch.cat([torch.ones_like(mean), mean, variance + mean.square()], dim=1)
        self.moments = self.DECAY * self.moments + (1 - self.DECAY) * new

    def normalise(self, returns: Tensor) -> Tensor:
        """Return (rows, samples) in units of the running deviation."""
        mean, deviation = self._scale()
        return (returns - mean) / deviation

    def restore(self, values: Tensor) -> Tensor:
        """Return what `normalise` was given, (rows, samples)."""
        mean, deviation = self._scale()
        return values * deviation + mean

    def of(self, rows: Tensor) -> Self:
        """Return a copy of some rows."""
        return type(self)(self.moments[rows].clone())

    def _scale(self) -> tuple[Tensor, Tensor]:
        total, mean, square = (self.moments / self.moments[:, :1].clamp_min(1e-12)).split(1, dim=1)
        known = total > 0
        variance = torch.where(known, square - mean.square(), torch.ones_like(mean))
        return mean, variance.clamp_min(_SMALLEST_VARIANCE).sqrt()
