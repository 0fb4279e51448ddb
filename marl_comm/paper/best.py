"""Each algorithm at its best of a grid; a best at the edge is compared with nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.grids import BestPlace, are_at_the_edge, best_place
from marl_comm.analysis.interquartile import estimate, interquartile_mean, ratio, resamples
from marl_comm.analysis.selection import costs, least_rounds
from marl_comm.arrays import Array

EDGE_IN_WORDS = (
    "Edge: the best of what was tried is the first or the last, or beside it seeds were ended "
    "early that might have made it better; so there may be a better one, and there is no ratio."
)
_FEWEST = 1  # round that anything takes: what needs no more is best, wherever it is


@dataclass(frozen=True)
class Rounds:
    """What an algorithm takes at every place of a grid.

    Attributes:
        taken: (seeds, ...), the axes of the grid after the seeds; `inf` for never.
        least: The same, but of a seed that was ended before it arrived what it takes at the least.
    """

    taken: Array
    least: Array

    @classmethod
    def along(cls, configurations: Sequence[Configuration], threshold: float) -> "Rounds":
        """Read off what it takes to a gap in each of some configurations, a grid of one axis."""
        return cls(
            np.stack([costs(each, threshold, "round") for each in configurations], axis=1),
            np.stack([least_rounds(each, threshold) for each in configurations], axis=1),
        )

    @classmethod
    def stack(cls, rows: Sequence["Rounds"]) -> "Rounds":
        """Return a grid with one more axis, its first."""
        return cls(
            np.stack([row.taken for row in rows], axis=1),
            np.stack([row.least for row in rows], axis=1),
        )

    @property
    def best(self) -> BestPlace:
        """Where rounds are fewest on the whole, and whether that is at an edge."""
        return best_place(interquartile_mean(self.taken), interquartile_mean(self.least), _FEWEST)

    @property
    def at_best(self) -> Array:
        """The rounds of each seed at that place, (seeds,)."""
        return np.asarray(np.moveaxis(self.taken, 0, -1)[self.best.place])

    @property
    def edge_mark(self) -> str:
        """What stands behind a number that is best at the edge of what was tried."""
        return " (edge)" if self.best.at_the_edge else ""

    @property
    def share_at_the_edge(self) -> float:
        """In which share of the bootstrap's resamples the best is at an edge."""
        (drawn,) = resamples([np.stack([self.taken, self.least], axis=-1)])
        taken, least = np.moveaxis(interquartile_mean(drawn, axis=1), -1, 0)
        return float(are_at_the_edge(taken, least, _FEWEST).mean())


def best_ratio(ours: Rounds, theirs: Rounds) -> Estimate:
    """Return one algorithm over another, each at its best place in every resample.

    Undefined if either is best at the edge of the grid: beyond it there may be a better place.

    Args:
        ours: On the same seeds and grid as the other.
        theirs: The reference.
    """
    if ours.best.at_the_edge or theirs.best.at_the_edge:
        return Estimate(math.nan)
    return estimate(_ratio_of_bests, np.stack([ours.taken, theirs.taken], axis=-1))


def _ratio_of_bests(strata: Sequence[Array]) -> Array:
    means = interquartile_mean(strata[0], axis=1)
    best = means.min(axis=tuple(range(1, means.ndim - 1)))
    return ratio(best[..., 0], best[..., 1])
