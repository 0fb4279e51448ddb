"""Parts that several figures share: a legend, estimates with intervals, what never arrived."""

from collections.abc import Mapping, Sequence
from textwrap import fill, wrap
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import bootstrap, interquartile_mean
from marl_comm.analysis.text import interval, number
from marl_comm.arrays import Array
from marl_comm.plots.data import Point, note
from marl_comm.plots.style import Look

NEVER = "over a quarter of the seeds never got there"
BAND = "95 % interval"
MARK = "mark"
"""The group id of what is no curve and stands behind the curves in a legend."""

_CHARACTERS_PER_INCH = 14.0  # of a legend
_MARK_HEIGHT = 0.97  # of a panel, where what never arrived is marked


def points_of(label: str, *columns: Array) -> list[Point]:
    """Return a curve as points: x, y, and the ends of its interval, (points,) each."""
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Point(label, *map(float, row)) for row in rows]


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
    note(
        panel,
        [
            Point(label, float(x), each.value, each.low, each.high)
            for x, each in zip(positions, estimates, strict=True)
        ],
    )
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
        zorder=look.depth,
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
            label=NEVER,
        )


def reference_line(
    panel: Axes, label: str, *, x: float | None = None, y: float | None = None
) -> None:
    """Draw a dotted line across a panel, at x or at y."""
    draw, place = (panel.axvline, x) if x is not None else (panel.axhline, y)
    assert place is not None
    draw(place, color="#8C8C8C", lw=0.7, ls=(0, (1, 2)), zorder=1, label=label, gid=MARK)


def give_title(figure: Figure, title: str) -> None:
    """Put one sentence above all panels, and above the legend, that says what the figure shows."""
    text = _even(title, int(figure.get_figwidth() * _CHARACTERS_PER_INCH * 0.85))
    if figure.legends:  # which lies where a title of the whole figure would
        figure.legends[0].set_title(text, prop=FontProperties(size=10))
    else:
        figure.suptitle(text, fontsize=10)


def _even(text: str, width: int) -> str:
    """Return a text in as few lines as fit, none much shorter than the others."""
    lines = len(wrap(text, width))
    narrower = (each for each in range(1, width + 1) if len(wrap(text, each)) <= lines)
    return fill(text, next(narrower, width), break_long_words=False)


def legend_on_top(figure: Figure, columns: int | None = None) -> None:
    """Put a legend of all that panels show above them: curves, then marks, then bands.

    Args:
        figure: With its panels.
        columns: Of the legend; as many as fit where none is given.
    """
    found = _labelled(figure)
    names = sorted(found, key=lambda label: _is_a_mark(label, found[label]))
    entries = [_never() if name == NEVER else found[name] for name in names]
    if any(each.collections for each in figure.axes):
        entries.append(Patch(facecolor="#777777", alpha=0.25))
        names.append(BAND)
    _put_on_top(figure, dict(zip(names, entries, strict=True)), columns)


def _most_columns(names: Sequence[str], room: float) -> int:
    """Return in how many columns a legend fits into so many characters."""
    for columns in range(len(names), 1, -1):
        parts = np.array_split(np.array([len(name) for name in names]), columns)  # as a legend does
        if sum(part.max() + 8 for part in parts) <= room:
            return columns
    return 1


def marks_on_top(figure: Figure) -> None:
    """Put a legend of single estimates above them: their marks, and the bars of their intervals."""
    found = _labelled(figure)
    found[BAND] = Line2D([], [], color="#444444", lw=1.3)
    _put_on_top(figure, found, None)


def _put_on_top(figure: Figure, entries: Mapping[str, Artist], columns: int | None) -> None:
    names = list(entries)
    columns = columns or _most_columns(names, figure.get_figwidth() * _CHARACTERS_PER_INCH)
    figure.legend(list(entries.values()), names, loc="outside upper center", ncols=columns)


def _labelled(figure: Figure) -> dict[str, Artist]:
    """Return what the panels show, by its label, each label once."""
    found: dict[str, Artist] = {}
    for panel in figure.axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return found


def written(text: str, label: str) -> dict[str, Any]:
    """Return how the legend shows a text that stands in the panels, as arguments of `plot`."""
    looks = {"color": "#444444", "linestyle": "none", "markersize": 3 + 2 * len(text)}
    return {"marker": f"${text}$", "label": label, "gid": MARK, "markeredgewidth": 0.2, **looks}


def _is_a_mark(label: str, handle: Artist) -> bool:
    """Return whether an entry is no curve: what never arrived, or a line across a panel."""
    return label == NEVER or handle.get_gid() == MARK


def _never() -> Artist:
    """Return the mark as it stands for curves of any colour."""
    return Line2D([], [], color="#444444", linestyle="none", marker="x", markersize=5)


def in_words(estimate: Estimate) -> str:
    """Return a number, and its interval if it has one."""
    value = number(estimate.value)
    return f"{value} {interval(estimate)}" if estimate.has_interval else value
