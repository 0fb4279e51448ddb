"""Rounds to a gap against step size and trigger: the best of each algorithm, compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.selection import of_the_same_seeds, only, values_of, where
from marl_comm.paper.best import Rounds, best_ratio
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top, written
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

ALGORITHMS = ("base_policy_prediction", "importance_sampling")
_EPSILON = 0.003
_LABELLED = (0.001, 0.01, 0.1, 0.7)


def rounds_by_threshold(
    configurations: Sequence[Configuration], epsilon: float, settings: dict[str, object]
) -> tuple[Rounds, ...]:
    """Return the rounds to a gap at every threshold, of each of `ALGORITHMS`."""
    thresholds = values_of(configurations, "communication.ess_threshold")
    of_the_same_seeds(
        [each for name in ALGORITHMS for each in where(configurations, {"algorithm.name": name})]
    )

    def at(algorithm: str, threshold: float) -> Configuration:
        chosen = {"algorithm.name": algorithm, "communication.ess_threshold": threshold}
        return only(configurations, settings | chosen)

    return tuple(
        Rounds.along([at(algorithm, threshold) for threshold in thresholds], epsilon)
        for algorithm in ALGORITHMS
    )


def draw(configurations: Configurations) -> Figure:
    """Draw a panel for each number of samples and step size."""
    thresholds = values_of(configurations, "communication.ess_threshold")
    samples = values_of(configurations, "samples_per_round")
    steps = values_of(configurations, "learner.step_size")
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
        panels = figure.subplots(len(samples), len(steps), sharex=True, sharey=True, squeeze=False)
        for row, count in zip(panels, samples, strict=True):
            for panel, rounds in zip(row, _rounds_by_step(configurations, count), strict=True):
                panel.set(xscale="log", yscale="log")
                for side, algorithm in zip(rounds, ALGORITHMS, strict=True):
                    draw_estimates(
                        panel,
                        thresholds,
                        [mean_of(column) for column in side.taken.T],
                        look_of(algorithm),
                        name_of(algorithm),
                    )
                _count_lost(panel, thresholds, rounds)
            row[0].set_ylabel(f"{count} samples a round\nrounds to a gap of {_EPSILON:g}")
        panels[0, 0].set_ylim(1.2, 25)  # room for the numbers below all curves
        panels[0, 0].set_xlim(thresholds[0] / 1.8, thresholds[-1] * 1.5)
        ticks = [2, 3, 5, 10, 20]
        panels[0, 0].set_yticks(ticks, [str(tick) for tick in ticks])
        panels[0, 0].set_xticks(_LABELLED, [f"{threshold:g}" for threshold in _LABELLED])
        for panel, step in zip(panels[0], steps, strict=True):
            panel.set_title(f"step size {step:g}")
        for panel in panels[-1]:
            panel.set_xlabel("trigger (share\nof samples)")
        for panel in panels.flat:
            panel.tick_params(axis="x", labelsize=6.5)
            panel.minorticks_off()
        panels[0, 0].plot([], [], **written("7", "seeds that never got there"))
        legend_on_top(figure)
    return figure


def _count_lost(panel: Axes, thresholds: Sequence[float], rounds: Sequence[Rounds]) -> None:
    """Write under each threshold how many seeds never arrived, where any did not."""
    for side, height, algorithm in zip(rounds, (0.02, 0.09), ALGORITHMS, strict=True):
        for threshold, lost in zip(thresholds, np.isinf(side.taken).sum(axis=0), strict=True):
            if lost:
                panel.text(
                    threshold,
                    height,
                    f"{lost}",
                    transform=panel.get_xaxis_transform(),
                    color=look_of(algorithm).color,
                    fontsize=6.5,
                    ha="center",
                )


def evidence(configurations: Configurations) -> list[Evidence]:
    """Compare each at its best step size and threshold, if that is inside the grid."""
    return [
        _evidence(Grid.of(configurations, count))
        for count in values_of(configurations, "samples_per_round")
    ]


def finding(configurations: Configurations) -> list[str]:
    """Name the best step sizes and thresholds."""
    lines = []
    for count in values_of(configurations, "samples_per_round"):
        grid = Grid.of(configurations, count)
        parts = [
            f"{name_of(algorithm)} {in_words(mean_of(side.at_best))} rounds at "
            f"{grid.best_in_words(side)}"
            for side, algorithm in zip(grid.rounds, ALGORITHMS, strict=True)
        ]
        ratio_in_words = (
            "No ratio: a best at the edge of its grid is none"
            if grid.edges_in_words
            else f"Ratio {in_words(best_ratio(*grid.rounds))}"
        )
        lines.append(
            f"{count} samples a round, each at its best step size and threshold: "
            f"{'; '.join(parts)}. {ratio_in_words}."
        )
    return lines


@dataclass(frozen=True)
class Grid:
    """Rounds for every step size and threshold, with one number of samples a round.

    Attributes:
        count: Samples a round.
        steps: Step sizes.
        thresholds: Thresholds.
        rounds: Of each of `ALGORITHMS`, by step size and threshold.
    """

    count: int
    steps: list[float]
    thresholds: list[float]
    rounds: tuple[Rounds, ...]

    @classmethod
    def of(cls, configurations: Configurations, count: int) -> "Grid":
        """Read it off the runs."""
        by_step = zip(*_rounds_by_step(configurations, count), strict=True)
        return cls(
            count,
            values_of(configurations, "learner.step_size"),
            values_of(configurations, "communication.ess_threshold"),
            tuple(map(Rounds.stack, by_step)),
        )

    @property
    def edges_in_words(self) -> str:
        """What either best is at the edge of; empty if both are inside."""
        axes = (("step size", "threshold"), (self.steps, self.thresholds))
        found = {
            name_of(algorithm): side.best.edges_in_words(*axes)
            for algorithm, side in zip(ALGORITHMS, self.rounds, strict=True)
        }
        return "; ".join(f"{name} at {edges}" for name, edges in found.items() if edges)

    def best_in_words(self, side: Rounds) -> str:
        """Return where an algorithm is best."""
        step, threshold = side.best.place
        edge = " (at the edge of its grid)" if side.best.at_the_edge else ""
        return f"step size {self.steps[step]:g}, threshold {self.thresholds[threshold]:g}{edge}"


def _evidence(grid: Grid) -> Evidence:
    at_best = [side.at_best for side in grid.rounds]
    lost = [int(np.isinf(each).sum()) for each in at_best]
    note = f"never arrived, at the best: {lost[0]} and {lost[1]} of {len(at_best[0])}"
    setting = f"{grid.count} samples a round"
    if edges := grid.edges_in_words:
        refused = f"best at the edge of its grid: {edges}"
        return Evidence("rounds_best_trigger", setting, Estimate(math.nan), refused)
    return Evidence("rounds_best_trigger", setting, best_ratio(*grid.rounds), note)


def _rounds_by_step(configurations: Configurations, count: int) -> list[tuple[Rounds, ...]]:
    """Return the rounds of `rounds_by_threshold` for each step size."""
    return [
        rounds_by_threshold(
            configurations, _EPSILON, {"samples_per_round": count, "learner.step_size": step}
        )
        for step in values_of(configurations, "learner.step_size")
    ]


FIGURE = PaperFigure(
    name="fair_baseline",
    number=7,
    title="The rounds to a Nash gap depend on the trigger's threshold and on the step size",
    experiments=("fair_baseline",),
    caption=(
        "`coverage`, 12 agents, 6 targets. A round comes as soon as the effective sample size, "
        "as a share of the samples, is below the trigger: the lower the trigger, the rarer the "
        "rounds. There is no warm-up and no limit to the length of a round. Lines: interquartile "
        "mean of the rounds until the Nash gap is at most 0.003; bands: its 95 % bootstrap "
        "interval. Numbers at the bottom: seeds that never got there, in the upper line of "
        "importance sampling, in the lower of prediction; a cross at the top: more than a "
        "quarter of the seeds, so the mean is infinite. Comparing the two curves at one "
        "threshold is not the same as comparing their lowest points. A lowest point at the edge "
        "of the grid, or beside a threshold at which seeds ran out of local updates and might have "
        "been better, is not called a best. Other settings are tuned as well in `docs/tuned.md`."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick={"fair_baseline": ("num_seeds=12",)},
)
