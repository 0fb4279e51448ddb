"""Nash gap against communication rounds and against samples, one curve a configuration."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from marl_comm.analysis.configurations import Configuration
from marl_comm.arrays import Array
from marl_comm.errors import InputError
from marl_comm.plots.panels import give_title
from marl_comm.plots.style import RC_PARAMS, Look, looks, name_of, plain

_X_LABELS = {
    "round": "communication rounds",
    "samples": "samples (joint actions played)",
}
_UNITS = {"round": "communication rounds", "samples": "samples"}
_MOST_POINTS = 400
_MOST_BANDS = 6
_WIDTH, _HEIGHT = 3.7, 3.2  # inches, of a panel with its labels
_CHARACTERS_PER_INCH = 15.0


def draw(configurations: Sequence[Configuration]) -> Figure:
    """Draw the Nash gap against rounds and, unless gradients were exact, against samples.

    Raises:
        InputError: No run ever communicated, so there is nothing to draw on a log axis.
    """
    grids = {axis: common_grid(configurations, axis) for axis in _X_LABELS}
    grids = {axis: grid for axis, grid in grids.items() if grid.size}
    if not grids:
        raise InputError("no run communicated even once: there is no curve to draw")
    chosen = looks([configuration.algorithm for configuration in configurations])
    with_bands = len(configurations) <= _MOST_BANDS
    width = max(_WIDTH * len(grids), 1.4 * _WIDTH)
    names = [_name(configuration, width) for configuration in configurations]
    columns = 2 if max(map(len, names)) < width * _CHARACTERS_PER_INCH / 2.5 else 1
    legend_lines = sum(1 + name.count("\n") for name in names) / columns
    thresholds = sorted({value for each in configurations for value in each.thresholds})
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(width, _HEIGHT + 0.18 * (legend_lines + 2)), layout="constrained")
        panels = figure.subplots(1, len(grids), sharey=True, squeeze=False)[0]
        for panel, (axis, grid) in zip(panels, grids.items(), strict=True):
            panel.set_xscale("log")
            panel.set_yscale("log", nonpositive="clip")
            panel.set_xlabel(_X_LABELS[axis])
            for configuration, name, look in zip(configurations, names, chosen, strict=True):
                _draw_curve(panel, configuration, axis, grid, name, look, with_bands)
            for threshold in thresholds:
                panel.axhline(threshold, color="#8C8C8C", lw=0.6, ls=(0, (1, 2)), zorder=1)
            _set_limits(panel, floor=thresholds[0] / 2)
        panels[0].set_ylabel("Nash gap (units of reward)")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=columns)
        units = " and ".join(_UNITS[axis] for axis in grids)
        give_title(figure, f"The Nash gap changes with {units}")
        caption = _caption(configurations, with_bands, width)
        figure.supxlabel(plain(caption), fontsize=7.5, color="#444444")
    return figure


def common_grid(configurations: Sequence[Configuration], axis: str) -> Array:
    """Return the points at which all curves are evaluated, (points,), ascending and positive.

    These are the counts at which any seed's record has a point, thinned to even distances on a
    log axis where there are many, with the end of every configuration kept.
    """
    counts = [
        np.concatenate([run.metrics[axis] for run in configuration.seeds])
        for configuration in configurations
    ]
    points = np.unique(np.concatenate(counts))
    points = points[points > 0]
    if points.size > _MOST_POINTS:
        even = np.geomspace(points[0], points[-1], _MOST_POINTS)
        kept = points[np.searchsorted(points, even).clip(max=points.size - 1)]
        points = np.unique(np.append(kept, [count.max() for count in counts if count.max() > 0]))
    return points


def gaps_on_grid(configuration: Configuration, axis: str, grid: Array) -> Array:
    """Return every seed's Nash gap at the points of a grid, (seeds, points).

    A seed's gap is a step function: at x rounds (or samples) it is the gap of its last recorded
    policy for which no more than x had been used. The last value is carried forward only within
    the seed's own communication budget: a seed that stopped with budget left would have stopped
    there under any larger x too, but what a seed that spent `max_rounds` or `max_samples` would
    have done with more is unknown, and nan. Before a seed's first point it is nan as well.

    Args:
        configuration: The seeds and the budget that they share.
        axis: "round" or "samples".
        grid: (points,), ascending.
    """
    gaps = np.full((len(configuration.seeds), grid.size), np.nan)
    for row, run in zip(gaps, configuration.seeds, strict=True):
        position = run.metrics[axis]
        last = np.searchsorted(position, grid, side="right") - 1
        known = last >= 0
        if run.summary.stopped_by == "communication_budget":
            known &= grid <= position[-1]
        row[known] = run.metrics["nash_gap"][last[known]]
    return gaps


def _draw_curve(
    panel: Axes,
    configuration: Configuration,
    axis: str,
    grid: Array,
    name: str,
    look: Look,
    with_band: bool,
) -> None:
    """Draw the median and band as far as the longest seed went and all seeds are known."""
    end = max(run.metrics[axis][-1] for run in configuration.seeds)
    gaps = gaps_on_grid(configuration, axis, grid)
    drawn = (grid <= end) & ~np.isnan(gaps).any(axis=0)
    points, gaps = grid[drawn], gaps[:, drawn]
    panel.plot(
        points,
        np.median(gaps, axis=0),
        drawstyle="steps-post",
        color=look.color,
        linestyle=look.linestyle,
        marker=look.marker,
        markevery=(0.0, 0.12) if len(points) > 1 else None,
        label=plain(name),
        zorder=look.depth,
    )
    if with_band and len(gaps) > 1:
        low, high = np.quantile(gaps, [0.25, 0.75], axis=0)
        panel.fill_between(
            points, low, high, step="post", color=look.color, alpha=0.16, linewidth=0
        )


def _set_limits(panel: Axes, floor: float) -> None:
    """Show what is above the floor, and of the horizontal axis only the part where that is."""
    visible = []
    for line in panel.get_lines():
        if line.get_drawstyle() == "steps-post":
            above = np.asarray(line.get_ydata()) > floor
            above[1:] |= above[:-1]  # The step that falls below the floor is worth seeing.
            visible.append(np.asarray(line.get_xdata())[above])
    points = np.concatenate(visible)
    if points.size:
        panel.set_xlim(points.min() / 1.1, points.max() * 1.3)
    panel.set_ylim(bottom=floor)
    low, high = panel.get_xlim()
    few_decades = high < 100 * low
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5) if few_decades else (1,)))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.xaxis.set_minor_formatter(NullFormatter())


def _name(configuration: Configuration, width: float) -> str:
    seeds = len(configuration.seeds)
    name = f"{name_of(configuration.algorithm)} {configuration.difference}".rstrip()
    name = f"{name} ({seeds} seed{'s' if seeds > 1 else ''})"
    return fill(name, int(width * _CHARACTERS_PER_INCH) - 10, break_on_hyphens=False)


def _caption(configurations: Sequence[Configuration], with_bands: bool, width: float) -> str:
    first = "Line: median over seeds. "
    if not with_bands:
        first += f"No bands, for there are more than {_MOST_BANDS} curves. "
    elif any(len(configuration.seeds) > 1 for configuration in configurations):
        first += "Band: middle half of the seeds (25th to 75th percentile). "
    first += "Dotted: the gaps of the table."
    second = "A seed that ended before its communication budget was spent keeps its final gap."
    return "\n".join(
        fill(line, int(1.2 * width * _CHARACTERS_PER_INCH)) for line in (first, second)
    )
