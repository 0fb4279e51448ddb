"""What each part of MAPPO's prediction is worth, one part exchanged at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import difference_of, ratio_of
from marl_comm.analysis.return_tables import Statistic
from marl_comm.analysis.returns import final_returns, paired, staleness_means
from marl_comm.analysis.selection import only, where
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.regimes import SMALL_PREDICTABLE
from marl_comm.plots.data import Point, note
from marl_comm.plots.panels import in_words, marks_on_top, written
from marl_comm.plots.style import BLUE, RC_PARAMS, VERMILION, WIDTH

_WARMUP = "communication.warmup"
_SAMPLING: dict[str, Any] = {"algorithm.name": "importance_sampling", _WARMUP: 10}
_DEFAULT: dict[str, Any] = {
    "algorithm.name": "base_policy_prediction",
    "algorithm.predictor": "momentum",
    "algorithm.calibration": True,
    _WARMUP: 10,
}
_NOT_CALIBRATED = {"algorithm.calibration": False}
_NO_WARMUP: dict[str, Any] = {_WARMUP: None}


@dataclass(frozen=True)
class _Variant:
    """A row: its label, its settings, and those of what it is compared with."""

    label: str
    settings: dict[str, Any]
    reference: dict[str, Any]


_VARIANTS = (
    _Variant("prediction (momentum, calibrated)", _DEFAULT, _SAMPLING),
    _Variant("no calibration", _DEFAULT | _NOT_CALIBRATED, _SAMPLING),
    _Variant("predictor: rehearse", _DEFAULT | {"algorithm.predictor": "rehearse"}, _SAMPLING),
    _Variant(
        "predictor: extrapolate", _DEFAULT | {"algorithm.predictor": "extrapolate"}, _SAMPLING
    ),
    _Variant("no warm-up *", _DEFAULT | _NO_WARMUP, _SAMPLING | _NO_WARMUP),
    _Variant(
        "no warm-up, no calibration *",
        _DEFAULT | _NOT_CALIBRATED | _NO_WARMUP,
        _SAMPLING | _NO_WARMUP,
    ),
    _Variant("importance sampling, no warm-up", _SAMPLING | _NO_WARMUP, _SAMPLING),
)


@dataclass(frozen=True)
class _Panel:
    """A column: its label, what is measured, how sides are compared, and what they are if equal."""

    label: str
    statistic: Statistic
    compare: Callable[[Array, Array], Estimate]
    equal: float
    words: str


_PANELS = (
    _Panel(
        "KL to the bases,\nratio", partial(staleness_means, field="kl"), ratio_of, 1, "KL ratio"
    ),
    _Panel(
        "effective sample size,\ndifference (share)",
        partial(staleness_means, field="ess"),
        difference_of,
        0,
        "ESS difference",
    ),
    _Panel(
        "final return,\ndifference (reward)", final_returns, difference_of, 0, "return difference"
    ),
)


def draw(configurations: Configurations) -> Figure:
    """Draw a dot with its interval for each variant that was run, in a panel for each measure."""
    variants = run_variants(configurations)
    heights = -np.arange(len(variants), dtype=float)
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 1.3 + 0.29 * len(variants)), layout="constrained")
        panels = figure.subplots(1, len(_PANELS), sharey=True)
        for panel, measure in zip(panels, _PANELS, strict=True):
            panel.axvline(measure.equal, color="#444444", lw=0.9, label="as the reference")
            for height, variant in zip(heights, variants, strict=True):
                each = compared(configurations, variant, measure)
                note(panel, [Point(variant.label, "estimate", each.value, each.low, each.high)])
                sampling = variant.settings["algorithm.name"] == "importance_sampling"
                color, marker = (VERMILION, "^") if sampling else (BLUE, "o")
                label = "importance sampling" if sampling else "prediction"
                panel.plot(each.value, height, color=color, marker=marker, ls="none", label=label)
                panel.plot((each.low, each.high), (height, height), color=color, lw=1.3)
            panel.set_xlabel(measure.label)
        _make_logarithmic(panels[0])
        panels[0].set_yticks(heights, [variant.label for variant in variants])
        panels[0].plot([], [], **written("*", "reference without warm-up"))
        marks_on_top(figure)
        panels[0].set_ylim(heights[-1] - 0.6, 0.6)
    return figure


def _make_logarithmic(panel: Axes) -> None:
    """Give ratios an axis on which twice and half as much are equally far from 1."""
    panel.set_xscale("log")
    ends = panel.get_xlim()
    ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]
    panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panel.minorticks_off()
    panel.set_xlim(ends)


def run_variants(configurations: Configurations) -> list[_Variant]:
    """Return the variants that were run, all of them at full scale."""
    return [each for each in _VARIANTS if where(configurations, each.settings)]


def compared(configurations: Configurations, variant: _Variant, measure: _Panel) -> Estimate:
    """Return how a variant compares with its reference, paired by seed."""
    one, other = (only(configurations, side) for side in (variant.settings, variant.reference))
    return measure.compare(*paired(measure.statistic, one, other))


def finding(configurations: Configurations) -> list[str]:
    """Say how each variant compares with importance sampling."""
    lines = []
    for variant in run_variants(configurations):
        parts = [
            f"{measure.words} {in_words(compared(configurations, variant, measure))}"
            for measure in _PANELS
        ]
        lines.append(f"**{variant.label.removesuffix(' *')}**: {', '.join(parts)}")
    return [f"Against importance sampling, paired by seed. {'; '.join(lines)}."]


FIGURE = PaperFigure(
    name="ablation_mappo",
    number=14,
    title="Exchanging one part of MAPPO's prediction changes KL, effective sample size and return",
    experiments=("ablation_mappo", "ablation_mappo_predictor", "ablation_mappo_reference"),
    caption=(
        "`simple_spread`, predictable regime, τ = 10. Each row against importance sampling with a "
        "warm-up of ten rounds of one local update, paired by seed; rows with an asterisk against "
        "importance sampling without warm-up, whose first round already lasts ten: as many joint "
        "steps in fewer rounds. Dots "
        "(triangle: importance sampling itself): ratio of interquartile means (left), "
        "interquartile mean of differences (middle, right); bars: the 95 % bootstrap interval. KL "
        "(of the current policy from the one that collected) and effective sample size are means "
        "over the local updates on data of other policies than the current. Better: to the left "
        "of the line in the left panel, to the right in the others. At quick scale there are 40 "
        "local updates of 32 copies, no predictors but two, and no runs "
        "without warm-up."
    ),
    draw=draw,
    finding=finding,
    quick={
        "ablation_mappo": ("hydra.sweeper.params={communication.warmup:10}", *SMALL_PREDICTABLE),
        "ablation_mappo_predictor": (
            "hydra.sweeper.params={communication.warmup:10,algorithm.predictor:extrapolate}",
            *SMALL_PREDICTABLE,
        ),
        "ablation_mappo_reference": (
            "hydra.sweeper.params={communication.warmup:10}",
            *SMALL_PREDICTABLE,
        ),
    },
)
