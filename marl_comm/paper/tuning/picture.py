"""What was published of all problems, as a picture: rounds, and ratios to importance sampling."""

from collections.abc import Sequence

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import mean_of
from marl_comm.errors import InputError
from marl_comm.paper.tuning.page import NAMES, Document
from marl_comm.paper.tuning.table import ratio_between, values
from marl_comm.paper.tuning.variants import REFERENCE
from marl_comm.plots.data import Point, note
from marl_comm.plots.panels import give_title, marks_on_top
from marl_comm.plots.style import (
    GREEN,
    ORANGE,
    PURPLE,
    RC_PARAMS,
    SKY_BLUE,
    WIDTH,
    Look,
    look_of,
)

TITLE = (
    "At its best, prediction along a line needs as many rounds as importance sampling; "
    "a model of rewards needs fewer where it fits"
)
_LOOKS = {
    "full_communication": look_of("full_communication"),
    REFERENCE: look_of("importance_sampling"),
    "recommended": Look(ORANGE, "none", "d"),
    "prediction_line": look_of("base_policy_prediction"),
    "prediction_oracle": Look(SKY_BLUE, "none", "v"),
    "doubly_robust": Look(GREEN, "none", "P"),
    "model_alone": Look(PURPLE, "none", "X"),
}
_ROW, _SPREAD = 0.62, 0.72  # inches of a problem; of it, the share that its marks lie in
_TICKS = ((1, 2, 5, 10, 20), (0.5, 1, 2, 5))


def draw(found: Sequence[Document]) -> Figure:
    """Draw a row of marks with intervals for each problem.

    Args:
        found: Documents of problems, as `documents` reads them; those tuned for bytes are left out.

    Raises:
        InputError: None of them is tuned for rounds, or with an algorithm that is shown.
    """
    found = [each for each in found if each["cost"] == "round"]
    shown = [name for name in _LOOKS if any(name in each["algorithms"] for each in found)]
    if not shown:
        raise InputError(f"there are no rounds to draw: no problem has {', '.join(_LOOKS)}")
    heights = dict(zip(shown, _SPREAD * (0.5 - np.linspace(0, 1, len(shown))), strict=True))
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 1.4 + _ROW * len(found)), layout="constrained")
        rounds, ratios = figure.subplots(1, 2, sharey=True)
        for place, document in enumerate(found):
            algorithms = document["algorithms"]
            for name in filter(algorithms.__contains__, shown):
                height = heights[name] - place
                edge = bool(algorithms[name]["at_the_edge"])
                problem, spent = document["problem"], values(algorithms[name])
                _mark(rounds, name, problem, height, mean_of(spent), edge)
                _count_lost(rounds, height, mean_of(spent), int(np.isinf(spent).sum()))
                ratio = ratio_between(algorithms, name, REFERENCE)
                if ratio is not None:
                    _mark(ratios, name, problem, height, ratio, edge)
        ratios.axvline(1, color=_LOOKS[REFERENCE].color, lw=0.9)
        for panel, ticks in zip((rounds, ratios), _TICKS, strict=True):
            panel.set_xscale("log")
            panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            panel.minorticks_off()
            panel.grid(visible=False, axis="y")
            for border in np.arange(len(found) - 1) + 0.5:
                panel.axhline(-border, color="#E4E4E4", lw=0.8)
        rounds.set_xlabel("rounds to the Nash gap (middle half of games)")
        ratios.set_xlabel("rounds over those of importance sampling")
        names = [each["problem"].replace("_noise_", "\nnoise ") for each in found]
        rounds.set_yticks(-np.arange(len(found)), [name.replace("_", " ") for name in names])
        rounds.set_ylim(0.5 - len(found), 0.5)
        marks_on_top(figure)
        give_title(figure, TITLE)
    return figure


def _mark(panel: Axes, name: str, problem: str, height: float, each: Estimate, edge: bool) -> None:
    """Draw an estimate with its interval; hollow where a better setting may lie beyond the grid."""
    label, look = NAMES[name], _LOOKS[name]
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
        label=label,
    )
    high = each.high if np.isfinite(each.high) else panel.get_xlim()[1]
    panel.plot((each.low, high), (height, height), color=look.color, lw=1.3)


def _count_lost(panel: Axes, height: float, each: Estimate, lost: int) -> None:
    """Write behind an interval how many seeds never arrived, where any did not."""
    ends = [end for end in (each.high, each.value) if np.isfinite(end)]
    if lost and ends:
        panel.annotate(
            f"{lost} never",
            (ends[0], height),
            textcoords="offset points",
            xytext=(3, 0),
            va="center",
            fontsize=5.5,
            color="#444444",
        )
