"""What MAPPO's prediction does where updates are predictable, by round length and by parts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from marl_comm.analysis.estimates import CONFIDENCE, SMALLEST_SAMPLE, Estimate
from marl_comm.analysis.interquartile import difference_of, mean_of, ratio_of
from marl_comm.analysis.return_tables import Statistic, short
from marl_comm.analysis.returns import final_returns, paired, rounds_used, staleness_means
from marl_comm.analysis.selection import only, where
from marl_comm.arrays import Array
from marl_comm.paper.arms import PERIOD
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.text import markdown_table
from marl_comm.plots.data import Point, note
from marl_comm.plots.panels import in_words, marks_on_top
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of

_ASKED = 10  # local updates a round, where parts are exchanged
_SAMPLING = {"algorithm.name": "importance_sampling"}
_PREDICTION = {
    "algorithm.name": "base_policy_prediction",
    "algorithm.predictor": "momentum",
    "algorithm.calibration": True,
}
_STALE = {"algorithm.name": "stale"}
_MISSING = {"communication.name": "missing"}


@dataclass(frozen=True)
class _Variant:
    """A row: its label, the algorithm's settings, and the schedule's, which the reference shares.

    Attributes:
        label: As the figure has it.
        algorithm: What is compared with importance sampling.
        schedule: When both communicate.
    """

    label: str
    algorithm: dict[str, Any]
    schedule: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """What tells its runs from all others."""
        return self.algorithm | self.schedule

    @property
    def reference(self) -> dict[str, Any]:
        """What tells the runs it is compared with from all others."""
        return _SAMPLING | self.schedule


def _every(period: int) -> dict[str, Any]:
    return {"communication.name": "periodic", PERIOD: period}


_VARIANTS = (
    *(_Variant(f"prediction, τ = {period}", _PREDICTION, _every(period)) for period in (5, 10, 20)),
    *(
        _Variant(label, _PREDICTION | part, _every(_ASKED))
        for label, part in (
            ("τ = 10, no calibration", {"algorithm.calibration": False}),
            ("τ = 10, predictor: rehearse", {"algorithm.predictor": "rehearse"}),
            ("τ = 10, predictor: extrapolate", {"algorithm.predictor": "extrapolate"}),
        )
    ),
    _Variant("prediction, 90 % of data missing", _PREDICTION, _MISSING),
    _Variant("no reweighing (stale), τ = 10", _STALE, _every(_ASKED)),
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


_SMALL = (
    "num_seeds=6",
    "max_local_steps=30",
    "game.copies=16",
    "game.evaluation_every=30",
    "game.evaluation_copies=16",
)


def draw(configurations: Configurations) -> Figure:
    """Draw a dot with its interval for each variant that was run, in a panel for each measure."""
    variants = run_variants(configurations)
    heights = -np.arange(len(variants), dtype=float)
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 1.3 + 0.29 * len(variants)), layout="constrained")
        panels = figure.subplots(1, len(_PANELS), sharey=True)
        for panel, measure in zip(panels, _PANELS, strict=True):
            panel.axvline(measure.equal, color="#444444", lw=0.9, label="as importance sampling")
            for height, variant in zip(heights, variants, strict=True):
                each = compared(configurations, variant, measure)
                note(panel, [Point(variant.label, "estimate", each.value, each.low, each.high)])
                stale = variant.algorithm == _STALE
                look = look_of("stale" if stale else "base_policy_prediction")
                label = "no reweighing" if stale else "prediction"
                panel.plot(
                    each.value, height, color=look.color, marker=look.marker, ls="none", label=label
                )
                panel.plot((each.low, each.high), (height, height), color=look.color, lw=1.3)
            panel.set_xlabel(measure.label)
        _make_logarithmic(panels[0])
        panels[0].set_yticks(heights, [variant.label for variant in variants])
        marks_on_top(figure)
        panels[0].set_ylim(heights[-1] - 0.6, 0.6)
    return figure


def _make_logarithmic(panel: Axes) -> None:
    """Give ratios an axis on which twice and half as much are equally far from 1."""
    panel.set_xscale("log")
    ends = panel.get_xlim()
    ticks = [0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 50]
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


def mean_difference(values: Array, reference: Array) -> Estimate:
    """Return the mean of paired differences, (seeds,) each, with Student's interval."""
    differences = values - reference
    mean, pairs = float(differences.mean()), len(differences)
    if pairs < SMALLEST_SAMPLE:
        return Estimate(mean)
    error = differences.std(ddof=1) / np.sqrt(pairs)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, pairs - 1) * error)
    return Estimate(mean, mean - half, mean + half)


def finding(configurations: Configurations) -> list[str]:
    """Say in a table how each variant compares with importance sampling."""
    rows = []
    for variant in run_variants(configurations):
        runs, reference = (
            only(configurations, side) for side in (variant.settings, variant.reference)
        )
        cells = [short(mean_of(rounds_used(runs)))]
        cells += [in_words(mean_of(final_returns(each))) for each in (reference, runs)]
        cells += [in_words(compared(configurations, variant, measure)) for measure in _PANELS]
        cells.append(in_words(mean_difference(*paired(final_returns, runs, reference))))
        cells += [
            in_words(mean_of(means)) if np.isfinite(means).all() else ""
            for means in (staleness_means(runs, field) for field in ("kappa", "cosine"))
        ]
        rows.append([variant.label, *cells])
    head = ["", "rounds", "importance sampling's return", "return"]
    head += [*(measure.words for measure in _PANELS), "return difference, mean"]
    return [
        "Final returns; against importance sampling, paired by seed (the plain mean of the "
        "differences has Student's interval); the trusted share κ of the "
        "predicted way; the cosine between the predicted and the real direction.",
        markdown_table([*head, "κ", "cosine"], rows),
    ]


_EXPERIMENTS = tuple(
    f"ablation_mappo{part}" for part in ("", "_predictor", "_uncalibrated", "_stale", "_missing")
)

FIGURE = PaperFigure(
    name="ablation_mappo",
    number=14,
    title="Where updates are predictable, prediction gives MAPPO better data, hardly more return",
    experiments=_EXPERIMENTS,
    caption=(
        "JaxMARL's `simple_spread` with three agents in a regime made for prediction: large "
        "batches (1,600 joint steps a local update, four epochs) and much momentum (β₁ = 0.99), 80 "
        "local updates, the first ten with a round each (five where data go missing); not tuned "
        "for the return. τ: local updates a round. Each row against importance sampling with the "
        "same rounds, paired by seed: ratio of interquartile means (left), interquartile mean of "
        "differences (middle, right); bars: the 95 % bootstrap interval. KL (of the current policy "
        "from the one that collected) and effective sample size are means over the local updates "
        "on data of other policies than the current; the final return is of 256 episodes with "
        "sampled actions. Better: to the left of the line in the left panel, to the right in the "
        "others. At quick scale there are 30 local updates of 16 copies, and one length of rounds."
    ),
    draw=draw,
    finding=finding,
    extra="jaxmarl",
    quick=dict.fromkeys(_EXPERIMENTS, _SMALL)
    | {"ablation_mappo": ("hydra.sweeper.params={communication.period:10}", *_SMALL)},
)
