"""Where the policies will be: three predictors of the coming local iterations."""

from typing import Literal

import torch
from torch import Tensor

from marl_comm.learners.mappo.optimiser import Adam

Predictor = Literal["momentum", "rehearse", "extrapolate"]


def momentum(
    parameters: Tensor,
    optimiser: Adam,
    learning_rate: float,
    steps_per_iteration: int,
    positions: int,
) -> Tensor:
    """Follow the optimiser's present step as if every coming gradient were like its mean.

    Args:
        parameters: (rows, P), now.
        optimiser: Of these rows.
        learning_rate: Of the coming steps.
        steps_per_iteration: Gradient steps in a local iteration.
        positions: How many policies to return, the current one included.

    Returns:
        (rows, positions, P); position s is after s local iterations.
    """
    step = steps_per_iteration * optimiser.direction(learning_rate)
    return extrapolate(parameters, step, positions)


def extrapolate(parameters: Tensor, displacement: Tensor, positions: int) -> Tensor:
    """Repeat a displacement, (rows, P), per local iteration; (rows, positions, P)."""
    ahead = torch.arange(positions, device=parameters.device, dtype=parameters.dtype)
    return parameters.unsqueeze(1) + ahead[:, None] * displacement.unsqueeze(1)


def cosine(start: Tensor, predicted: Tensor, reached: Tensor) -> Tensor:
    """Return the cosine of predicted and real displacement, (rows,); nan where one is zero.

    Args:
        start: (rows, P), where both began.
        predicted: (rows, P).
        reached: (rows, P).
    """
    first, second = predicted - start, reached - start
    lengths: Tensor = first.norm(dim=1) * second.norm(dim=1)
    return (first * second).sum(dim=1) / lengths
