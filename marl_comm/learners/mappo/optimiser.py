"""Adam on the parameters of many seeds at once, each seed's gradient clipped by itself."""

from typing import Self

import torch
from torch import Tensor

from marl_comm.rows import Fixed, Rows, record

EPSILON = 1e-5


@record
class Adam:
    """Adam (Kingma & Ba 2015, arXiv 1412.6980); its state has a row per seed.

    Attributes:
        mean: (rows, P), decayed mean of the gradients.
        square: (rows, P), decayed mean of their squares.
        steps: (rows,), gradient steps so far.
    """

    mean: Rows[Tensor]
    square: Rows[Tensor]
    steps: Rows[Tensor]
    _betas: Fixed[tuple[float, float]]

    def __init__(
        self, mean: Tensor, square: Tensor, steps: Tensor, betas: tuple[float, float]
    ) -> None:
        """Start from a given state."""
        self.mean, self.square, self.steps = mean, square, steps
        self._betas = betas

    @classmethod
    def fresh(cls, parameters: Tensor, betas: tuple[float, float]) -> Self:
        """Return an optimiser that has seen nothing yet, for parameters (rows, P)."""
        # 64 bits: 1 - 0.999^steps loses its digits in 32.
        steps = torch.zeros(len(parameters), dtype=torch.float64, device=parameters.device)
        return cls(torch.zeros_like(parameters), torch.zeros_like(parameters), steps, betas)

    def step(self, parameters: Tensor, gradients: Tensor, learning_rate: float | Tensor) -> None:
        """Move the parameters, (rows, P), in place, at one rate or at one a row, (rows, 1)."""
        first, second = self._betas
        self.mean.lerp_(gradients, 1 - first)
        self.square.mul_(second).addcmul_(gradients, gradients, value=1 - second)
        self.steps += 1
        parameters += self.direction(learning_rate)

    def direction(self, learning_rate: float | Tensor) -> Tensor:
        """Return the step that the present state makes, (rows, P); zero before the first one."""
        steps = self.steps.clamp_min(1).unsqueeze(1)
        first_share, second_share = ((1 - beta**steps).to(self.mean.dtype) for beta in self._betas)
        deviation = (self.square / second_share).sqrt_()
        step: Tensor = (-learning_rate * self.mean / first_share) / (deviation + EPSILON)
        return step


def clipped(gradients: Tensor, largest_norm: float) -> Tensor:
    """Return gradients, (rows, P), each row scaled down to `largest_norm` where it is longer."""
    norms = gradients.norm(dim=1, keepdim=True)
    scale: Tensor = (largest_norm / (norms + 1e-6)).clamp_max(1.0)
    return gradients * scale
