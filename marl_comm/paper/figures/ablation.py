"""What each part of prediction is worth: rounds to a gap, one part exchanged at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import ratio_of
from marl_comm.analysis.selection import only, paired_costs
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.plots.data import Point, note
from marl_comm.plots.panels import in_words, marks_on_top
from marl_comm.plots.style import BLUE, RC_PARAMS, VERMILION, WIDTH

GAMES = ("coverage", "congestion", "random_potential")
_EPSILON = 0.003
_DEFAULT: dict[str, Any] = {
    "algorithm.name": "base_policy_prediction",
    "algorithm.horizon": "adaptive",
    "algorithm.predictor": "line",
    "algorithm.spacing_unit": "divergence",
    "communication.warmup": 5,
}


@dataclass(frozen=True)
class _Variant:
    label: str
    settings: dict[str, Any]


def _by_time(updates: float) -> dict[str, Any]:
    return _DEFAULT | {
        "algorithm.spacing_unit": "local_updates",
        "algorithm.spacing": updates,
    }


_VARIANTS = (
    _Variant("fixed horizon (no calibration)", _DEFAULT | {"algorithm.horizon": "fixed"}),
    _Variant("predictor: rehearse", _DEFAULT | {"algorithm.predictor": "rehearse"}),
    _Variant("bases every local update", _by_time(1)),
    _Variant("bases every 3 local updates", _by_time(3)),
    _Variant("bases every 10 local updates", _by_time(10)),
    _Variant("no warm-up", _DEFAULT | {"communication.warmup": None}),
    _Variant(
        "importance sampling", {"algorithm.name": "importance_sampling", "communication.warmup": 5}
    ),
    _Variant(
        "importance sampling, no warm-up",
        {"algorithm.name": "importance_sampling", "communication.warmup": None},
    ),
)


def draw(configurations: Configurations) -> Figure:
    """Draw one dot with its interval for each variant and game."""
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
        panels = figure.subplots(1, len(GAMES), sharex=True, sharey=True)
        heights = -np.arange(len(_VARIANTS), dtype=float)
        for panel, game in zip(panels, GAMES, strict=True):
            panel.set_xscale("log")
            panel.axvline(1, color="#444444", lw=0.9, label="as the default prediction")
            for height, variant in zip(heights, _VARIANTS, strict=True):
                rounds, reference = _sides(configurations, game, variant)
                each = ratio_of(rounds, reference)
                note(panel, [Point(variant.label, "ratio", each.value, each.low, each.high)])
                reference_row = variant.settings["algorithm.name"] == "importance_sampling"
                color = VERMILION if reference_row else BLUE
                marker = "^" if reference_row else "o"
                if np.isfinite(each.value):
                    label = (
                        "importance sampling" if reference_row else "prediction, one part exchanged"
                    )
                    panel.plot(
                        each.value, height, color=color, marker=marker, ls="none", label=label
                    )
                    high = min(each.high, 10.0)
                    panel.plot((each.low, high), (height, height), color=color, lw=1.3)
                lost = int(np.isinf(rounds).sum())
                if lost:
                    panel.annotate(
                        f"{lost} never",
                        (0.99, height),
                        xycoords=("axes fraction", "data"),
                        ha="right",
                        va="bottom",
                        fontsize=6.5,
                        color="#444444",
                    )
            panel.set_title(game.replace("_", " "))
            panel.set_xlim(0.45, 7)
            panel.set_xticks([0.5, 1, 2, 5], ["0.5", "1", "2", "5"])
            panel.minorticks_off()
            panel.set_xlabel("rounds, relative to\nthe default prediction")
        panels[0].set_yticks(heights, [variant.label for variant in _VARIANTS])
        marks_on_top(figure)
    return figure


def finding(configurations: Configurations) -> list[str]:
    """Say what each exchange does in each game."""
    lines = []
    for variant in _VARIANTS:
        parts = [
            f"{game} {in_words(ratio_of(*_sides(configurations, game, variant)))}" for game in GAMES
        ]
        lines.append(f"**{variant.label}**: {', '.join(parts)}")
    return ["Rounds relative to the default. " + "; ".join(lines) + "."]


def _sides(configurations: Configurations, game: str, variant: _Variant) -> tuple[Array, Array]:
    default = _default(configurations, game)
    other = only(configurations, {"game.name": game, **variant.settings})
    return paired_costs(other, default, _EPSILON, "round")


def _default(configurations: Configurations, game: str) -> Configuration:
    return only(configurations, {"game.name": game, **_DEFAULT})


FIGURE = PaperFigure(
    name="ablation",
    number=8,
    title="Exchanging one part of prediction changes the rounds to a Nash gap",
    experiments=("ablation", "ablation_spacing", "ablation_reference"),
    caption=(
        "Rounds until the Nash gap is at most 0.003, relative to the default prediction on the "
        "same seeds (adaptive horizon, line predictor, bases spaced by divergence, warm-up of 5 "
        "local updates); 4000 samples a round, trigger 0.5. Dots: ratio of interquartile means; "
        "bars: its 95 % paired bootstrap interval; to the right is worse. Red triangles: "
        "importance sampling, for reference. Seeds that never got there are counted at the right "
        "edge."
    ),
    draw=draw,
    finding=finding,
    quick={
        "ablation": ("num_seeds=10",),
        "ablation_spacing": ("num_seeds=10",),
        "ablation_reference": ("num_seeds=10",),
    },
)
