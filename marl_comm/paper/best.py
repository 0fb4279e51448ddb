"""Each algorithm at its best of a grid; a best at the edge is compared with nothing."""

import math
from collections.abc import Sequence

import numpy as np

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.grids import BestPlace, best_place
from marl_comm.analysis.interquartile import estimate, interquartile_mean, ratio
from marl_comm.arrays import Array

_FEWEST = 1  # round that anything takes: what needs no more is best, wherever it is


def best_of(rounds: Array) -> BestPlace:
    """Return where an algorithm takes the fewest rounds, and whether that is at an edge.

    Args:
        rounds: (seeds, ...), the axes of the grid after the seeds.
    """
    return best_place(np.asarray(interquartile_mean(rounds)), _FEWEST)


def at_best(rounds: Array) -> Array:
    """Return the rounds of each seed where they are fewest on the whole, (seeds,)."""
    place = np.ravel_multi_index(best_of(rounds).place, rounds.shape[1:])
    return rounds.reshape(len(rounds), -1)[:, place]


def edge_mark(rounds: Array) -> str:
    """Return what stands behind a number that is best at the edge of what was tried."""
    return " (edge)" if best_of(rounds).at_the_edge else ""


def best_ratio(rounds: Array) -> Estimate:
    """Return one algorithm over another, each at its best place in every resample.

    Undefined if either is best at the edge of the grid: beyond it there may be a better place.

    Args:
        rounds: (seeds, ..., 2), between them the axes of the grid.
    """
    if any(best_of(rounds[..., side]).at_the_edge for side in range(rounds.shape[-1])):
        return Estimate(math.nan)

    def statistic(strata: Sequence[Array]) -> Array:
        means = interquartile_mean(strata[0], axis=1)
        best = means.min(axis=tuple(range(1, means.ndim - 1)))
        return ratio(best[..., 0], best[..., 1])

    return estimate(statistic, rounds)
