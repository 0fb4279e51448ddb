"""Rounds to a gap against the trigger threshold: the best of each algorithm, compared."""

from collections.abc import Sequence

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import estimate, interquartile_mean, mean_of, ratio
from marl_comm.analysis.selection import costs, only, values_of
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

ALGORITHMS = ("base_policy_prediction", "importance_sampling")
_ESTIMATORS = ("self_normalised", "truncated", "ordinary")
_EPSILON = 0.003
_UNLABELLED = (0.5, 0.003)  # for lack of room


def rounds_by_threshold(
    configurations: Sequence[Configuration], epsilon: float, settings: dict[str, object]
) -> Array:
    """Return the rounds to a gap at every threshold, (seeds, thresholds, 2).

    The last axis is prediction, then importance sampling.
    """
    thresholds = values_of(configurations, "communication.ess_threshold")
    return np.stack(
        [
            np.stack(
                [
                    costs(
                        only(
                            configurations,
                            settings
                            | {
                                "algorithm.name": algorithm,
                                "communication.ess_threshold": threshold,
                            },
                        ),
                        epsilon,
                        "round",
                    )
                    for algorithm in ALGORITHMS
                ],
                axis=-1,
            )
            for threshold in thresholds
        ],
        axis=1,
    )


def best_ratio(rounds: Array) -> Estimate:
    """Return prediction over importance sampling, each at its best threshold in every resample.

    Args:
        rounds: (seeds, thresholds, 2), as from `rounds_by_threshold`.
    """

    def statistic(strata: Sequence[Array]) -> Array:
        best = interquartile_mean(strata[0], axis=1).min(axis=1)
        return ratio(best[..., 0], best[..., 1])

    return estimate(statistic, rounds)


def draw(configurations: Configurations) -> Figure:
    """Draw a panel for each number of samples and estimator."""
    thresholds = values_of(configurations, "communication.ess_threshold")
    samples = values_of(configurations, "samples_per_round")
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 4.7), layout="constrained")
        panels = figure.subplots(len(samples), len(_ESTIMATORS), sharex=True, sharey=True)
        for row, count in zip(panels, samples, strict=True):
            for panel, estimator in zip(row, _ESTIMATORS, strict=True):
                rounds = rounds_by_threshold(
                    configurations,
                    _EPSILON,
                    {"samples_per_round": count, "learner.estimator": estimator},
                )
                panel.set(xscale="log", yscale="log")
                for side, algorithm in enumerate(ALGORITHMS):
                    draw_estimates(
                        panel,
                        thresholds,
                        [mean_of(column) for column in rounds[..., side].T],
                        look_of(algorithm),
                        name_of(algorithm),
                    )
                _count_lost(panel, thresholds, rounds)
            row[0].set_ylabel(f"{count} samples a round\nrounds to a gap of {_EPSILON:g}")
        panels[0, 0].set_ylim(2.3, 25)
        ticks = [3, 5, 10, 20]
        panels[0, 0].set_yticks(ticks, [str(tick) for tick in ticks])
        panels[0, 0].minorticks_off()
        shown = [each for each in thresholds if each not in _UNLABELLED]
        panels[0, 0].set_xticks(shown, [f"{threshold:g}" for threshold in shown])
        for panel, estimator in zip(panels[0], _ESTIMATORS, strict=True):
            panel.set_title(estimator.replace("_", "-"))
        for panel in panels[-1]:
            panel.set_xlabel("trigger (share of samples)")
        for panel in panels.flat:
            panel.tick_params(axis="x", labelsize=6.5)
            panel.minorticks_off()
        legend_on_top(figure, panels[0, 0])
    return figure


def _count_lost(panel: Axes, thresholds: Sequence[float], rounds: Array) -> None:
    """Write under each threshold how many seeds never arrived, where any did not."""
    for threshold, (ours, theirs) in zip(thresholds, np.isinf(rounds).sum(axis=0), strict=True):
        for height, lost, algorithm in ((0.02, ours, 0), (0.09, theirs, 1)):
            if lost:
                panel.text(
                    threshold,
                    height,
                    f"{lost}",
                    transform=panel.get_xaxis_transform(),
                    color=look_of(ALGORITHMS[algorithm]).color,
                    fontsize=6.5,
                    ha="center",
                )


def evidence(configurations: Configurations) -> list[Evidence]:
    """Compare each at its best threshold, with the self-normalised estimator."""
    found = []
    for count in values_of(configurations, "samples_per_round"):
        rounds = _default_rounds(configurations, count)
        lost = np.isinf(rounds).sum(axis=0).min(axis=0)
        note = f"never arrived, at the best: {lost[0]} and {lost[1]} of {len(rounds)}"
        found.append(
            Evidence("rounds_best_trigger", f"{count} samples a round", best_ratio(rounds), note)
        )
    return found


def finding(configurations: Configurations) -> list[str]:
    """Name the best thresholds."""
    thresholds = values_of(configurations, "communication.ess_threshold")
    lines = []
    for count in values_of(configurations, "samples_per_round"):
        rounds = _default_rounds(configurations, count)
        means = interquartile_mean(rounds)
        best = means.argmin(axis=0)
        parts = [
            f"{name_of(algorithm)} {in_words(mean_of(rounds[:, best[side], side]))} rounds at "
            f"{thresholds[best[side]]:g}"
            for side, algorithm in enumerate(ALGORITHMS)
        ]
        lines.append(
            f"{count} samples a round, self-normalised, each at its best threshold: "
            + "; ".join(parts)
            + f". Ratio {in_words(best_ratio(rounds))}."
        )
    return lines


def _default_rounds(configurations: Configurations, count: int) -> Array:
    settings: dict[str, object] = {
        "samples_per_round": count,
        "learner.estimator": "self_normalised",
    }
    return rounds_by_threshold(configurations, _EPSILON, settings)


FIGURE = PaperFigure(
    name="fair_baseline",
    number=7,
    title="Rounds to a gap against the trigger threshold",
    experiments=("fair_baseline",),
    caption=(
        "`coverage`, 12 agents, 6 targets. The trigger is the effective sample size, as a share of "
        "the samples, below which a round comes: a low one communicates rarely. Lines: "
        "interquartile mean of the rounds until the Nash gap is at most 0.003; bands: its 95 % "
        "bootstrap interval. Numbers at the bottom: seeds that never got there, above those of "
        "importance sampling, below those of prediction; a cross at the top: more than a quarter "
        "of the seeds, so the mean is infinite. Comparing the two curves at one threshold is not "
        "the same as comparing their lowest points."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick={"fair_baseline": ("num_seeds=20",)},
)
