"""Parts that several figures share: a legend, estimates with intervals, what never arrived."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import bootstrap, interquartile_mean
from marl_comm.analysis.text import interval, number
from marl_comm.arrays import Array
from marl_comm.plots.style import Look

_MARK_HEIGHT = 0.97  # of a panel, where what never arrived is marked


def means_of_columns(values: Array) -> list[Estimate]:
    """Return the interquartile mean of each column of (seeds, columns)."""
    ends = bootstrap(lambda strata: interquartile_mean(strata[0], axis=1), [values])
    return [Estimate(*map(float, each)) for each in zip(*ends, strict=True)]


def draw_estimates(
    panel: Axes,
    positions: Sequence[float],
    estimates: Sequence[Estimate],
    look: Look,
    label: str,
    *,
    filled: bool = True,
    band: bool = True,
) -> None:
    """Draw a line through estimates, its interval as a band or bars, and crosses for infinite ones.

    Args:
        panel: Where to draw; its limits are kept.
        positions: On the horizontal axis, as many as estimates.
        estimates: An infinite one is not on the line: a cross at the top marks it.
        look: Colour, line and marker.
        label: For the legend.
        filled: Whether markers are filled.
        band: Whether the interval is a band; else bars.
    """
    values = np.array([each.value for each in estimates])
    finite = np.isfinite(values)
    place = np.asarray(positions, dtype=float)
    low = np.array([each.low for each in estimates])
    high = np.array([each.high for each in estimates])
    # What is infinite ends at the panel's edge, far above everything shown.
    top = np.where(np.isinf(high), 1e12, high)
    panel.plot(
        place,
        np.where(finite, values, np.nan),
        color=look.color,
        linestyle=look.linestyle,
        marker=look.marker,
        markerfacecolor=look.color if filled else "white",
        label=label,
        zorder=3,
    )
    known = finite & np.isfinite(low) & ~np.isnan(high)
    if band:
        panel.fill_between(
            place, low, top, where=known.tolist(), color=look.color, alpha=0.18, linewidth=0
        )
    elif known.any():
        ends = np.abs(np.stack([values - low, top - values]))[:, known]
        panel.errorbar(
            place[known], values[known], ends, fmt="none", ecolor=look.color, elinewidth=1
        )
    if not finite.all():
        panel.plot(
            place[~finite],
            np.full((~finite).sum(), _MARK_HEIGHT),
            transform=panel.get_xaxis_transform(),
            color=look.color,
            linestyle="none",
            marker="x",
            markersize=5,
            zorder=4,
        )


def legend_on_top(figure: Figure, panel: Axes, columns: int | None = None) -> None:
    """Put one panel's legend above all of them."""
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=columns or len(labels))


def in_words(estimate: Estimate) -> str:
    """Return a number, and its interval if it has one."""
    value = number(estimate.value)
    return f"{value} {interval(estimate)}" if estimate.has_interval else value
