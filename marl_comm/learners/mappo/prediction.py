"""Where the policies will be, and how right that was."""

import torch
from torch import Tensor

from marl_comm.learners.mappo.optimiser import Adam


def momentum(optimiser: Adam, learning_rate: float, steps_per_update: int) -> Tensor:
    """Follow the optimiser's present step as if every coming gradient were like its mean.

    Args:
        optimiser: Of the policies.
        learning_rate: Of the coming steps.
        steps_per_update: Gradient steps in a local update.

    Returns:
        (rows, P), what each coming local update adds.
    """
    return steps_per_update * optimiser.direction(learning_rate)


def repeated(parameters: Tensor, step: Tensor, positions: int) -> Tensor:
    """Add a step, (rows, P), at every local update; (rows, positions, P), now the first."""
    ahead = torch.arange(positions, device=parameters.device, dtype=parameters.dtype)
    return parameters.unsqueeze(1) + ahead[:, None] * step.unsqueeze(1)


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
