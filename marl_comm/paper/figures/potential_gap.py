"""Nash gap against rounds, samples and bytes in the three potential games."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import bootstrap, interquartile_mean, mean_of, ratio_of
from marl_comm.analysis.selection import only, paired_costs, where
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence
from marl_comm.paper.text import markdown_table
from marl_comm.plots.data import note
from marl_comm.plots.gap import common_grid, gaps_on_grid
from marl_comm.plots.panels import in_words, legend_on_top, points_of, reference_line
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of, never_reached

GAMES = ("coverage", "congestion", "random_potential")
ALGORITHMS = ("full_communication", "importance_sampling", "base_policy_prediction")
_AXES = {
    "round": "communication rounds",
    "samples": "samples (joint actions played)",
    "bytes": "bytes written and read\nby all agents",
}
_COMPARED = ("base_policy_prediction", "importance_sampling")
NOISES = (0.0, 0.1)
_EPSILON = 0.003
_POINTS = 60


def draw(configurations: Configurations) -> Figure:
    """Draw a panel for each unit of cost and game, without noise in the rewards."""
    without_noise = where(configurations, {"game.reward_noise": 0.0})
    figure = draw_gaps(without_noise, GAMES, _AXES, height=6.4, asked=_EPSILON)
    for panel in figure.axes:
        panel.set_ylim(0.7e-3, 0.12)
    for panel in figure.axes[:: len(GAMES)]:
        panel.set_ylabel("Nash gap (reward)")
    return figure


def draw_gaps(
    configurations: Configurations,
    games: Sequence[str],
    axes: Mapping[str, str],
    height: float,
    asked: float,
) -> Figure:
    """Draw gaps in logarithmic panels, a row for each axis and a column for each game.

    Args:
        configurations: One per game and algorithm.
        games: Their names.
        axes: "round", "samples" or "bytes", each with its label.
        height: Of the figure, in inches.
        asked: The gap that the claims ask about.
    """
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        panels = figure.subplots(len(axes), len(games), sharey=True, squeeze=False)
        for row, (axis, label) in zip(panels, axes.items(), strict=True):
            for panel, game in zip(row, games, strict=True):
                for algorithm in ALGORITHMS:
                    settings = {"game.name": game, "algorithm.name": algorithm}
                    for configuration in where(configurations, settings):
                        _draw_curve(panel, _with_bytes(configuration), axis)
                reference_line(panel, f"gap of {asked:g}, as in the claims", y=asked)
                panel.set(xscale="log", yscale="log", xlabel=label)
            row[0].set_ylabel("gap (reward)")
        for panel, game in zip(panels[0], games, strict=True):
            panel.set_title(game.replace("_", " "))
        legend_on_top(figure)
    return figure


def evidence(configurations: Configurations) -> list[Evidence]:
    """Measure the rounds that prediction needs at the same trigger, over importance sampling's."""
    found = []
    for noise in NOISES:
        for game in GAMES:
            rounds, reference = _rounds(configurations, game, noise, _COMPARED)
            note = never_reached(rounds, reference)
            setting = f"{game}, reward noise {noise:g}" if noise else game
            ratio = ratio_of(rounds, reference)
            found.append(Evidence("rounds_equal_trigger", setting, ratio, note))
    return found


def finding(configurations: Configurations) -> list[str]:
    """Tell the rounds of each algorithm, without noise in the rewards and with it."""
    head = ["", *(f"`{game}`, reward noise {noise:g}" for game in GAMES for noise in NOISES)]
    rows = []
    for algorithm in ALGORITHMS:
        cells = [
            in_words(mean_of(_rounds(configurations, game, noise, (algorithm, algorithm))[0]))
            for game in GAMES
            for noise in NOISES
        ]
        rows.append([name_of(algorithm), *cells])
    return [f"Rounds to a Nash gap of {_EPSILON:g}:", markdown_table(head, rows)]


def _rounds(
    configurations: Configurations, game: str, noise: float, algorithms: tuple[str, str]
) -> tuple[Array, Array]:
    one, other = (
        only(
            configurations,
            {"game.name": game, "game.reward_noise": noise, "algorithm.name": algorithm},
        )
        for algorithm in algorithms
    )
    return paired_costs(one, other, _EPSILON, "round")


def _with_bytes(configuration: Configuration) -> Configuration:
    runs = tuple(
        replace(
            run,
            metrics={
                **run.metrics,
                "bytes": run.metrics["bytes_up"] + run.metrics["bytes_down"],
            },
        )
        for run in configuration.seeds
    )
    return replace(configuration, seeds=runs)


def _draw_curve(panel: Axes, configuration: Configuration, axis: str) -> None:
    """Draw the interquartile mean and its interval as far as all seeds are known."""
    grid = common_grid([configuration], axis)
    if grid.size > _POINTS:
        even = np.geomspace(grid[0], grid[-1], _POINTS)
        grid = np.unique(grid[np.searchsorted(grid, even).clip(max=grid.size - 1)])
    gaps = gaps_on_grid(configuration, axis, grid)
    known = ~np.isnan(gaps).any(axis=0)
    grid, gaps = grid[known], gaps[:, known]
    mean, low, high = bootstrap(lambda strata: interquartile_mean(strata[0], axis=1), [gaps])
    look = look_of(configuration.algorithm)
    note(panel, points_of(name_of(configuration.algorithm), grid, mean, low, high))
    panel.plot(
        grid,
        mean,
        drawstyle="steps-post",
        color=look.color,
        linestyle=look.linestyle,
        marker=look.marker,
        markevery=(0.0, 0.15),
        label=name_of(configuration.algorithm),
        zorder=look.depth,
    )
    panel.fill_between(grid, low, high, step="post", color=look.color, alpha=0.2, linewidth=0)


FIGURE = PaperFigure(
    name="potential_gap",
    number=1,
    title="The Nash gap falls with rounds, samples and bytes in three potential games",
    experiments=("potential_gap",),
    caption=(
        "Lines: interquartile mean over the seeds; bands: its 95 % bootstrap interval. 4000 "
        "samples a round; importance sampling and prediction communicate when the effective sample "
        "size falls below one half, full communication before every local update. Dotted: the gap "
        "of 0.003 that the claims ask about. No noise in the rewards; below, also noise with a "
        "standard deviation of 0.1. Curves end with the last local update (500)."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick={"potential_gap": ("num_seeds=20",)},
)
