"""A table of estimates as coloured cells."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from marl_comm.analysis.estimates import Estimate
from marl_comm.plots.data import Point, note

# Both ends are far from grey, and the printed numbers say which is which without colour.
_COLORS = colormaps["PuOr_r"]
_NORM = LogNorm(0.4, 2.5)
_UNKNOWN = (0.93, 0.93, 0.93, 1.0)


def draw_cells(
    panel: Axes,
    table: Sequence[Sequence[Estimate]],
    columns: Sequence[str],
    rows: Sequence[str],
    *,
    colors: Colormap = _COLORS,
    norm: Normalize = _NORM,
    neutral: float = 1.0,
) -> None:
    """Draw a cell for each estimate, its number in bold where its interval excludes the neutral.

    Args:
        panel: Where to draw.
        table: Rows of estimates; by default ratios, below 1 in purple.
        columns: What the columns are called.
        rows: What the rows are called.
        colors: From what `norm` gives to colours.
        norm: From values to between 0 and 1.
        neutral: The value at which there is nothing to tell.
    """
    panel.grid(visible=False)
    for row, estimates in enumerate(table):
        for column, each in enumerate(estimates):
            known = np.isfinite(each.value) and (each.value > 0 or norm.vmin == 0)
            decided = known and (each.high < neutral or each.low > neutral)
            color = colors(norm(each.value)) if known else _UNKNOWN
            note(panel, [Point(rows[row], columns[column], each.value, each.low, each.high)])
            corner = (column - 0.48, row - 0.48)
            panel.add_patch(Rectangle(corner, 0.96, 0.96, facecolor=color, linewidth=0))
            luminance = float(np.dot(color[:3], (0.3, 0.59, 0.11)))
            panel.text(
                column,
                row,
                _text(each),
                ha="center",
                va="center",
                fontsize=8,
                fontweight="bold" if decided else "normal",
                color="white" if luminance < 0.5 else "black",
            )
    panel.set_xlim(-0.5, len(columns) - 0.5)
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_xticks(range(len(columns)), columns)
    panel.set_yticks(range(len(rows)), rows)
    panel.tick_params(length=0)
    for spine in panel.spines.values():
        spine.set_visible(False)


def colour_bar(
    figure: Figure,
    panels: Sequence[Axes],
    label: str,
    ticks: Sequence[float] = (0.4, 0.6, 0.8, 1.0, 1.5, 2.5),
    *,
    colors: Colormap = _COLORS,
    norm: Normalize = _NORM,
) -> None:
    """Draw which colour stands for which number, beside the panels.

    Args:
        figure: Of the panels.
        panels: With cells.
        label: The name of the number.
        ticks: The numbers that are written beside it.
        colors: As `draw_cells`.
        norm: As `draw_cells`.
    """
    bar = figure.colorbar(ScalarMappable(norm, colors), ax=list(panels), label=label, pad=0.02)
    bar.ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)


def legend_of_cells(figure: Figure, unknown: str | None = None) -> None:
    """Say above the panels what bold numbers are, and what cells without a ratio.

    Args:
        figure: With cells.
        unknown: What has no ratio; None where every cell has one.
    """
    bold = r"$\mathbf{0.8}$"
    handles: list[Line2D | Patch] = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=bold,
            markersize=14,
            markeredgewidth=0.1,
            color="black",
            label="95 % interval excludes 1",
        )
    ]
    if unknown is not None:
        handles.append(Patch(facecolor=_UNKNOWN, label=unknown))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def _text(each: Estimate) -> str:
    if np.isnan(each.value):
        return "-"
    if np.isinf(each.value):
        return "∞"
    return f"{each.value:.2f}" if each.value else "0"
