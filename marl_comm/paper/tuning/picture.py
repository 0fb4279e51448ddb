"""What was published of all problems, as a picture: rounds, and ratios to importance sampling."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import mean_of
from marl_comm.paper.tuning.table import ratio_between, values
from marl_comm.paper.tuning.variants import REFERENCE
from marl_comm.plots.data import Point, note
from marl_comm.plots.panels import give_title, marks_on_top
from marl_comm.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RC_PARAMS,
    SKY_BLUE,
    VERMILION,
    WIDTH,
    Look,
)

TITLE = (
    "At its best, prediction along a line needs as many rounds as importance sampling; "
    "a model of rewards needs fewer where it fits"
)
_SHOWN = {
    "full_communication": ("full communication", Look(BLACK, "none", "s")),
    REFERENCE: ("importance sampling", Look(VERMILION, "none", "^")),
    "recommended": ("the recipe, untuned", Look(ORANGE, "none", "d")),
    "prediction_line": ("prediction, line", Look(BLUE, "none", "o")),
    "prediction_oracle": ("prediction, exact path (oracle)", Look(SKY_BLUE, "none", "v")),
    "doubly_robust": ("doubly robust", Look(GREEN, "none", "P")),
    "model_alone": ("model of rewards alone", Look(PURPLE, "none", "X")),
}
_ROW, _SPREAD = 0.62, 0.72  # inches of a problem; of it, the share that its marks lie in
_TICKS = ((1, 2, 5, 10, 20), (0.5, 1, 2, 5))


def draw(found: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw a row of marks with intervals for each problem.

    Args:
        found: Documents of problems, as `documents` reads them; those tuned for bytes are left out.
    """
    found = [each for each in found if each["cost"] == "round"]
    shown = [name for name in _SHOWN if any(name in each["algorithms"] for each in found)]
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 1.4 + _ROW * len(found)), layout="constrained")
        rounds, ratios = figure.subplots(1, 2, sharey=True)
        for place, document in enumerate(found):
            algorithms = document["algorithms"]
            for name in shown:
                if name not in algorithms:
                    continue
                height = -place - _SPREAD * (shown.index(name) / (len(shown) - 1) - 0.5)
                edge = bool(algorithms[name]["at_the_edge"])
                problem = document["problem"]
                _mark(rounds, name, problem, height, mean_of(values(algorithms[name])), edge)
                ratio = ratio_between(algorithms, name, REFERENCE)
                if ratio is not None:
                    _mark(ratios, name, problem, height, ratio, edge)
        ratios.axvline(1, color=_SHOWN[REFERENCE][1].color, lw=0.9)
        for panel, ticks in zip((rounds, ratios), _TICKS, strict=True):
            panel.set_xscale("log")
            panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            panel.minorticks_off()
            panel.grid(visible=False, axis="y")
            for border in np.arange(len(found) - 1) + 0.5:
                panel.axhline(-border, color="#E4E4E4", lw=0.8)
        rounds.set_xlabel("rounds to the Nash gap")
        ratios.set_xlabel("rounds over those of importance sampling")
        names = [each["problem"].replace("_noise_", "\nnoise ") for each in found]
        rounds.set_yticks(-np.arange(len(found)), [name.replace("_", " ") for name in names])
        rounds.set_ylim(0.5 - len(found), 0.5)
        marks_on_top(figure)
        give_title(figure, TITLE)
    return figure


def _mark(panel: Axes, name: str, problem: str, height: float, each: Estimate, edge: bool) -> None:
    """Draw an estimate with its interval; hollow where a better setting may lie beyond the grid."""
    label, look = _SHOWN[name]
    note(panel, [Point(label, problem, each.value, each.low, each.high)])
    if not np.isfinite(each.value):
        return
    panel.plot(
        each.value,
        height,
        color=look.color,
        marker=look.marker,
        linestyle="none",
        markerfacecolor="white" if edge else look.color,
        label=None if edge else label,
    )
    high = each.high if np.isfinite(each.high) else panel.get_xlim()[1]
    panel.plot((each.low, high), (height, height), color=look.color, lw=1.3)
