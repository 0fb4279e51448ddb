"""The paper's known experiment: congestion at fixed intervals, with error bars."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import Estimate, share
from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.selection import costs, ends_above, final_gaps, only, values_of, where
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence
from marl_comm.paper.text import markdown_table
from marl_comm.plots.panels import draw_estimates, legend_on_top, reference_line
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
    name_of,
)

_SIZES = {8: "8 agents", 20: "20 agents"}
_FAILED = 0.05  # a final Nash gap above it, as in the claims
_REACHED = 0.01  # the gap to which rounds are counted
_CONVERGED = 1e-6  # smaller final gaps count as this
_PERIOD = "communication.period"
_ASKED = 100  # the interval that the claims ask about
_SAMPLING, _PREDICTION = "importance_sampling", "base_policy_prediction"
_LINE: dict[str, Any] = {"algorithm.name": _PREDICTION, "algorithm.predictor": "line"}
_LOOKS = {
    "bounded": Look(BLUE, "-", "o"),
    "self_normalised": Look(VERMILION, "-.", "^"),
    "ordinary": Look(GREEN, ":", "s"),
    "truncated": Look(ORANGE, "--", "d"),
    "doubly_robust": Look(PURPLE, (0, (5, 1, 1, 1)), "P"),
    "no reweighing (stale)": Look("#8C8C8C", (0, (1, 1)), "v"),
    "oracle bases, bounded": Look(BLACK, (0, (3, 1)), "*"),
    "oracle bases, self_normalised": Look(SKY_BLUE, (0, (6, 2)), "X"),
}
_COLUMNS = {
    "importance sampling": {
        **{
            name: {"algorithm.name": _SAMPLING, "learner.estimator": name}
            for name in list(_LOOKS)[:5]
        },
        "no reweighing (stale)": {"algorithm.name": "stale"},
    },
    "prediction": {
        **{name: {**_LINE, "learner.estimator": name} for name in list(_LOOKS)[:5]},
        **{
            f"oracle bases, {name}": {
                "algorithm.name": _PREDICTION,
                "algorithm.predictor": "oracle",
                "learner.estimator": name,
            }
            for name in ("bounded", "self_normalised")
        },
    },
}
_ROWS = ("share of seeds that fail", "final Nash gap\n(reward)", "rounds to a gap of 0.01")


def draw(configurations: Configurations) -> Figure:
    """Draw a column for each size and algorithm, a row for each figure of merit."""
    periods = values_of(configurations, _PERIOD)
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 6.6), layout="constrained")
        panels = figure.subplots(3, 4, sharex=True, sharey="row")
        columns = [(size, algorithm) for size in _SIZES for algorithm in _COLUMNS]
        for column, (size, algorithm) in enumerate(columns):
            of_size = where(configurations, {"game.agents": size})
            full = only(of_size, {"algorithm.name": "full_communication"})
            for row in range(3):
                panel = panels[row, column]
                for name, settings in _COLUMNS[algorithm].items():
                    _draw_line(panel, where(of_size, settings), row, name)
                if row < 2:
                    reference = _statistic(full, row).value
                    reference_line(panel, name_of("full_communication"), y=reference)
            panels[0, column].set_title(f"{size} agents\n{algorithm}")
            panels[-1, column].set_xlabel("local updates a round")
            panels[-1, column].set_xscale("log")
            panels[-1, column].set_xticks(periods, [f"{period}" for period in periods])
            panels[-1, column].tick_params(axis="x", labelsize=7)
            panels[-1, column].minorticks_off()
        panels[0, 0].set_ylim(-0.04, 1.06)
        panels[1, 0].set_yscale("log")
        panels[2, 0].set_yscale("log")
        panels[1, 0].set_ylim(0.6 * _CONVERGED, 1.5)
        panels[2, 0].set_ylim(0.8, 120)
        for row, label in zip(panels, _ROWS, strict=True):
            row[0].set_ylabel(label)
        legend_on_top(figure)
    return figure


def evidence(configurations: Configurations) -> list[Evidence]:
    """Measure the share of seeds of importance sampling that fail."""
    found = []
    for agents, size in _SIZES.items():
        for estimator in ("self_normalised", "bounded"):
            settings = {"game.agents": agents, _PERIOD: _ASKED}
            settings |= _COLUMNS["importance sampling"][estimator]
            failed = ends_above(only(configurations, settings), _FAILED)
            note = f"{int(failed.sum())} of {len(failed)}"
            setting = f"{size}, {estimator}"
            found.append(Evidence("instability_congestion", setting, share(failed), note))
    return found


def finding(configurations: Configurations) -> list[str]:
    """Count the seeds that fail, of each way at each interval."""
    periods = values_of(configurations, _PERIOD)
    seeds = max(len(each.seeds) for each in configurations)
    rows = []
    for agents, size in _SIZES.items():
        of_size = where(configurations, {"game.agents": agents})
        for algorithm, ways in _COLUMNS.items():
            for name, settings in ways.items():
                cells = []
                for period in periods:
                    found = where(of_size, {**settings, _PERIOD: period})
                    cells.append(_failures(found[0], seeds) if found else "")
                rows.append([f"{size}, {algorithm}, {name}", *cells])
        full = only(of_size, {"algorithm.name": "full_communication"})
        rows.append([f"{size}, full communication: {_failures(full, seeds)}"])
        rows[-1] += [""] * len(periods)
    return [
        f"Games of {seeds} that end with a Nash gap above {_FAILED:g}, by local updates a round:",
        markdown_table(["", *map(str, periods)], rows),
    ]


def _failures(configuration: Configuration, usual: int) -> str:
    """Return how many seeds fail, and of how many where they are not as many as usual."""
    failed = ends_above(configuration, _FAILED)
    return f"{failed.sum()}" if len(failed) == usual else f"{failed.sum()} of {len(failed)}"


def _draw_line(panel: Axes, found: Sequence[Configuration], row: int, name: str) -> None:
    periods = values_of(found, _PERIOD)
    estimates = [_statistic(only(found, {_PERIOD: period}), row) for period in periods]
    draw_estimates(panel, periods, estimates, _LOOKS[name], name.replace("_", "-"))


def _statistic(configuration: Configuration, row: int) -> Estimate:
    if row == 0:
        return share(ends_above(configuration, _FAILED))
    if row == 1:
        return mean_of(np.maximum(final_gaps(configuration), _CONVERGED))
    return mean_of(costs(configuration, _REACHED, "round"))


_EXPERIMENTS = tuple(
    f"paper_congestion{size}{part}"
    for size in ("", "_large")
    for part in ("", "_model", "_oracle", "_stale", "_full")
)

FIGURE = PaperFigure(
    name="paper_congestion",
    number=20,
    title="The estimator decides whether learning fails in congestion at fixed intervals",
    experiments=_EXPERIMENTS,
    caption=(
        "The one game that the paper is known to use: agents choose resources, 8 agents of 4 and "
        "20 of 6. 500 local updates of step size 10, no warm-up, 1000 samples a round. Top: "
        "share of seeds that end with a Nash gap above 0.05 (bands: exact 95 % interval). Middle "
        "and bottom: interquartile mean of the final gap (below 0.000001 it counts as that), and "
        "of the rounds until the gap first is at most 0.01 (bands: 95 % bootstrap interval; a "
        "cross at the top: more than a quarter never got there). Dotted: full communication, a "
        "round at each update. The model of `doubly_robust` is costly to fit, so it was tried "
        "only where rounds are rare. Oracle bases lie along the path of exact gradients, as in "
        "`ceiling`."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick={
        name: ("num_seeds=6",) if name.endswith("_large_model") else ("num_seeds=10",)
        for name in _EXPERIMENTS
    },
)
