"""The best place in a grid, which is none if it is at the edge: beyond it may be a better one."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marl_comm.arrays import Array


@dataclass(frozen=True)
class BestPlace:
    """The smallest number in a grid, and whether it is one that anything can be said of.

    Attributes:
        place: An index for each axis.
        at_the_edge: The axes at whose first or last value it lies.
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


def best_place(numbers: Array, lowest: float = -math.inf) -> BestPlace:
    """Return where the smallest number of a grid is; of equal ones, that at the fewest edges.

    Args:
        numbers: One for each place.
        lowest: No place anywhere has a smaller number: what is there is at no edge.
    """
    smallest = numbers.min()
    done = bool(smallest <= lowest)
    places = [
        place
        for place in itertools.product(*map(range, numbers.shape))
        if numbers[place] == smallest
    ]
    return min(
        (BestPlace(place, () if done else _edges(place, numbers.shape)) for place in places),
        key=lambda best: len(best.at_the_edge),
    )


def _edges(place: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(
        axis
        for axis, (index, length) in enumerate(zip(place, shape, strict=True))
        if index in (0, length - 1)
    )
