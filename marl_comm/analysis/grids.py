"""The best place in a grid, which is none if it is at the edge: beyond it may be a better one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marl_comm.arrays import Array, BoolArray


@dataclass(frozen=True)
class BestPlace:
    """The smallest number in a grid, and whether it is one that anything can be said of.

    Attributes:
        place: An index for each axis.
        at_the_edge: The axes along which there may be a smaller one beside it.
    """

    place: tuple[int, ...]
    at_the_edge: tuple[int, ...]

    def edges_in_words(self, names: Sequence[str], values: Sequence[Sequence[Any]]) -> str:
        """Return what the best is at the edge of.

        Args:
            names: Of the axes.
            values: Along each axis.
        """
        return ", ".join(
            f"{names[axis]} {values[axis][self.place[axis]]:g}" for axis in self.at_the_edge
        )


def best_place(numbers: Array, least: Array, lowest: float = -math.inf) -> BestPlace:
    """Return where the smallest number of a grid is; of equal ones, that at the fewest edges.

    Args:
        numbers: One for each place.
        least: What they can be at the least, where what was measured was cut off; else the same.
        lowest: No place anywhere has a smaller number: what is there is at no edge.
    """
    edges = np.moveaxis(_edges(numbers[None], least[None], lowest)[:, 0], 0, -1)
    places = np.argwhere(numbers == numbers.min())
    return min(
        (
            BestPlace(place, tuple(np.flatnonzero(edges[place]).tolist()))
            for place in map(tuple, places.tolist())
        ),
        key=lambda best: len(best.at_the_edge),
    )


def are_at_the_edge(numbers: Array, least: Array, lowest: float = -math.inf) -> BoolArray:
    """Return of each of several grids whether its best place is at an edge, (grids,).

    Args:
        numbers: (grids, ...).
        least: See `best_place`.
        lowest: See `best_place`.
    """
    grid = tuple(range(1, numbers.ndim))
    inside = ~_edges(numbers, least, lowest).any(axis=0)
    best = numbers == numbers.min(axis=grid, keepdims=True)
    return np.asarray(~(best & inside).any(axis=grid))


def _edges(numbers: Array, least: Array, lowest: float) -> BoolArray:
    """Return at which edges each place would be if it were best, (axes, grids, ...)."""
    return np.stack(
        [
            (_smaller_neighbour(least, axis) < numbers) & (numbers > lowest)
            for axis in range(1, numbers.ndim)
        ]
    )


def _smaller_neighbour(least: Array, axis: int) -> Array:
    """Return the smaller of both neighbours along an axis; beyond a grid anything is possible."""
    padding = [(0, 0)] * least.ndim
    padding[axis] = (1, 1)
    wide = np.pad(least, padding, constant_values=-math.inf)
    before, after = np.arange(least.shape[axis]), np.arange(least.shape[axis]) + 2
    return np.minimum(wide.take(before, axis), wide.take(after, axis))
