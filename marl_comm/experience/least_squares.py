"""Least squares by conjugate gradients, stopped where held-out samples are predicted best.

Stopping early takes the place of a penalty (Hanke 1995, "Conjugate gradient type methods for
ill-posed problems"). Several problems that share their features are solved side by side.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from marl_comm.arrays import Array

_MOST_ITERATIONS = 60
_PATIENCE = 2  # iterations without a prediction that is better by enough
_WORTH_WHILE = 0.05  # of the error that is left, or of what has been gained if that is less


class Features(Protocol):
    """A linear map of parameters (problems, size) to predictions (problems, samples)."""

    def seen(self, parameters: Array) -> Array:
        """Predict the samples that the fit is made to."""

    def unseen(self, parameters: Array) -> Array:
        """Predict the samples that are held out."""

    def transposed(self, errors: Array) -> Array:
        """Return the transpose of `seen`, applied to errors (problems, samples)."""

    def preconditioned(self, gradient: Array) -> Array:
        """Return the gradient multiplied by a positive matrix that is near the inverse Hessian."""


@dataclass(frozen=True)
class Fit:
    """What was found for each problem.

    Attributes:
        parameters: (problems, size), those that predict held-out samples best; 0 if nothing
            predicts them better than nothing.
        error: (problems,), the sum of squared errors of the held-out samples.
    """

    parameters: Array
    error: Array


def fit(features: Features, seen: Array, unseen: Array, enough: float) -> Fit:
    """Fit parameters to samples.

    Args:
        features: The map.
        seen: (problems, samples), what is to be predicted.
        unseen: (problems, samples), the same of held-out samples.
        enough: Mean squared error of these that leaves nothing to explain.
    """
    errors, unseen_errors = seen, unseen
    gradient = features.transposed(errors)
    downhill = direction = features.preconditioned(gradient)
    best = found = np.zeros_like(gradient)
    start = least = mark = (unseen_errors**2).sum(axis=-1)
    waited = np.zeros(least.shape, dtype=np.int64)
    squared = (gradient * downhill).sum(axis=-1)
    for _ in range(_MOST_ITERATIONS):
        along = features.seen(direction)
        step = _ratio(squared, (along**2).sum(axis=-1))[:, None]
        move, unseen_move = step * direction, step * features.unseen(direction)
        # A whole step may be too long for noisy samples: the held-out ones choose a part of it.
        wanted = (unseen_errors * unseen_move).sum(axis=-1)
        part = np.minimum(_ratio(np.maximum(wanted, 0.0), (unseen_move**2).sum(axis=-1)), 1.0)
        error = ((unseen_errors - part[:, None] * unseen_move) ** 2).sum(axis=-1)
        better = error < least
        best = np.where(better[:, None], found + part[:, None] * move, best)
        found, errors, unseen_errors = (
            found + move,
            errors - step * along,
            unseen_errors - unseen_move,
        )
        least = np.where(better, error, least)
        gained = error < mark - _WORTH_WHILE * np.minimum(error, start - error)
        mark, waited = np.where(gained, error, mark), np.where(gained, 0, waited + 1)
        if ((waited >= _PATIENCE) | (least <= enough * unseen.shape[-1])).all():
            break
        gradient = features.transposed(errors)
        downhill = features.preconditioned(gradient)
        before, squared = squared, (gradient * downhill).sum(axis=-1)
        direction = downhill + _ratio(squared, before)[:, None] * direction
    return Fit(best, least)


def _ratio(numerator: Array, denominator: Array) -> Array:
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator > 0)
