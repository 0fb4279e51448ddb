"""Evaluation return against communication rounds and joint steps, one curve a configuration."""

from collections.abc import Sequence

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import bootstrap, interquartile_mean
from marl_comm.analysis.returns import RETURN, evaluations, returns_on_grid
from marl_comm.plots.data import note
from marl_comm.plots.panels import give_title, points_of
from marl_comm.plots.style import RC_PARAMS, Look, looks, plain

AXES = {"samples": "joint environment steps", "round": "communication rounds"}
RETURN_LABEL = "evaluation return\n(reward, sum of agents)"
_MOST_BANDS = 6


def draw(configurations: Sequence[Configuration], outcome: str = RETURN) -> Figure:
    """Draw a panel against joint steps and one against rounds, with all configurations in each."""
    chosen = looks([each.algorithm for each in configurations])
    with_bands = len(configurations) <= _MOST_BANDS
    with style.context(RC_PARAMS):
        height = 3.0 + 0.2 * len(configurations)
        figure = Figure(figsize=(7.2, height), layout="constrained")
        panels = figure.subplots(1, len(AXES), sharey=True)
        for panel, (axis, label) in zip(panels, AXES.items(), strict=True):
            for each, look in zip(configurations, chosen, strict=True):
                name = f"{each.label} ({len(each.seeds)} seeds)"
                draw_returns(panel, each, axis, look, name, band=with_bands, outcome=outcome)
            panel.set_xlabel(label)
        label = RETURN_LABEL if outcome == RETURN else f"{outcome}, share of evaluation episodes"
        panels[0].set_ylabel(plain(label))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=1)
        what = "return" if outcome == RETURN else "share of episodes"
        give_title(figure, f"The evaluation {what} changes with joint steps and rounds")
        bands = "Bands: its 95 % bootstrap interval." if with_bands else "No bands: many curves."
        caption = f"Lines: interquartile mean over the seeds. {bands}"
        figure.supxlabel(caption, fontsize=7.5, color="#444444")
    return figure


def draw_returns(
    panel: Axes,
    configuration: Configuration,
    axis: str,
    look: Look,
    label: str,
    *,
    band: bool = True,
    outcome: str = RETURN,
) -> None:
    """Draw the interquartile mean of the return and its interval, where all seeds are known.

    Args:
        panel: Where to draw.
        configuration: Whose seeds.
        axis: "samples" or "round".
        look: Colour, line and marker.
        label: For the legend.
        band: Whether to draw the interval, if there are seeds enough for one.
        outcome: What to draw in the place of the return.
    """
    counts = [evaluations(run, axis, outcome)[0] for run in configuration.seeds]
    grid = np.unique(np.concatenate(counts))
    returns = returns_on_grid(configuration, axis, grid, outcome)
    known = ~np.isnan(returns).any(axis=0)
    grid, returns = grid[known], returns[:, known]
    mean, low, high = bootstrap(lambda strata: interquartile_mean(strata[0], axis=1), [returns])
    note(panel, points_of(label, grid, mean, low, high))
    panel.plot(
        grid,
        mean,
        color=look.color,
        linestyle=look.linestyle,
        marker=look.marker,
        markevery=(0.05, 0.2) if len(grid) > 1 else None,
        label=plain(label),
        zorder=look.depth,
    )
    if band:
        panel.fill_between(grid, low, high, color=look.color, alpha=0.16, linewidth=0)
    if axis == "samples":
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
