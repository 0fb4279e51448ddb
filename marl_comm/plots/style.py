"""The one look of all figures: readable by the colour-blind and in grey."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.colors import to_hex, to_rgb

from marl_comm.arrays import Array

# https://jfly.uni-koeln.de/color/ (Okabe and Ito, 2008)
BLACK, ORANGE, SKY_BLUE, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"

RC_PARAMS: dict[str, Any] = {
    "font.size": 8.5,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # Text stays text, which journals ask for.
}


@dataclass(frozen=True)
class Look:
    """How one curve is drawn: matplotlib's colour, line style and marker."""

    color: str
    linestyle: str | tuple[int, tuple[float, ...]]
    marker: str

    @property
    def depth(self) -> float:
        """Matplotlib's zorder: a solid line lies under broken ones, which it would hide."""
        return 2.5 if self.linestyle == "-" else 3.0


_ALGORITHMS = {
    "full_communication": Look(BLACK, "--", "s"),
    "importance_sampling": Look(VERMILION, "-.", "^"),
    "base_policy_prediction": Look(BLUE, "-", "o"),
    "stale": Look(PURPLE, ":", "v"),
    "large_batch": Look(GREEN, (0, (5, 1, 1, 1, 1, 1)), "8"),
}
# Of algorithms that are not the package's, in the order in which they come.
_OTHERS = (
    Look(ORANGE, (0, (7, 2)), "d"),
    Look(SKY_BLUE, (0, (2, 1)), "H"),
)
_FURTHER_MARKERS = "PXD*ph<>"
_LIGHTEST = 0.6  # How far towards white the last curve of an algorithm goes.


def looks(algorithms: Sequence[str]) -> list[Look]:
    """Return one look for each curve, given the algorithm of each.

    The first curve of an algorithm has the algorithm's own look; further ones keep its line style
    and hue, and differ in marker and lightness.
    """
    others = [name for name in dict.fromkeys(algorithms) if name not in _ALGORITHMS]
    chosen = []
    for index, algorithm in enumerate(algorithms):
        look = look_of(algorithm, others)
        earlier = algorithms[:index].count(algorithm)
        if earlier:
            white = _LIGHTEST * earlier / (algorithms.count(algorithm) - 1)
            mixed = (1 - white) * np.array(to_rgb(look.color)) + white
            marker = _FURTHER_MARKERS[(earlier - 1) % len(_FURTHER_MARKERS)]
            look = replace(look, color=to_hex(mixed.tolist()), marker=marker)
        chosen.append(look)
    return chosen


WIDTH = 7.2  # inches, of a figure with several panels

_NAMES = {
    "full_communication": "full communication",
    "importance_sampling": "importance sampling",
    "base_policy_prediction": "base-policy prediction",
    "stale": "stale (no reweighing)",
    "large_batch": "one large update",
}


def look_of(algorithm: str, others: Sequence[str] = ()) -> Look:
    """Return an algorithm's own look.

    Args:
        algorithm: Its name.
        others: All those in the same picture that are not the package's.
    """
    position = others.index(algorithm) if algorithm in others else 0
    return _ALGORITHMS.get(algorithm, _OTHERS[position % len(_OTHERS)])


def name_of(algorithm: str) -> str:
    """Return an algorithm's name in words."""
    return _NAMES.get(algorithm, algorithm.replace("_", " "))


def never_reached(values: Array, reference: Array | None = None) -> str:
    """Return how many of some seeds never arrived, on one side or on two, and of how many.

    Args:
        values: (seeds,), `inf` where a seed never arrived.
        reference: Of importance sampling, where there are two sides.
    """
    seeds = len(values)
    if reference is None:
        return f"never arrived: {np.isinf(values).sum()} of {seeds}"
    one, other = np.isinf(values).sum(), np.isinf(reference).sum()
    return f"never arrived: {one} and {other} of {seeds} pairs"


def plain(label: str) -> str:
    """Return a label that is drawn as it is: no mathematics, and none that legends leave out.

    Args:
        label: Of anybody's making.
    """
    escaped = label.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped
