"""A table of ratios as coloured cells."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from marl_comm.analysis.estimates import Estimate
from marl_comm.plots.data import Point, note

# Both ends are far from grey, and the printed numbers say which is which without colour.
_COLORS = colormaps["PuOr_r"]
_NORM = LogNorm(0.4, 2.5)
_TICKS = (0.4, 0.6, 0.8, 1.0, 1.5, 2.5)
_UNKNOWN = (0.93, 0.93, 0.93, 1.0)


def draw_cells(
    panel: Axes,
    table: Sequence[Sequence[Estimate]],
    columns: Sequence[str],
    rows: Sequence[str],
) -> None:
    """Draw a cell for each ratio, its number in bold where its interval excludes 1.

    Args:
        panel: Where to draw.
        table: Rows of ratios, below 1 in purple.
        columns: What the columns are called.
        rows: What the rows are called.
    """
    panel.grid(visible=False)
    for row, estimates in enumerate(table):
        for column, each in enumerate(estimates):
            known = np.isfinite(each.value) and each.value > 0
            decided = known and (each.high < 1 or each.low > 1)
            color = _COLORS(_NORM(each.value)) if known else _UNKNOWN
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


def colour_bar(figure: Figure, panels: Sequence[Axes], label: str) -> None:
    """Draw which colour stands for which number, beside the panels.

    Args:
        figure: Of the panels.
        panels: With cells.
        label: The name of the number.
    """
    bar = figure.colorbar(ScalarMappable(_NORM, _COLORS), ax=list(panels), label=label, pad=0.02)
    bar.ax.set_yticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)


def legend_of_cells(figure: Figure, unknown: str) -> None:
    """Say above the panels what bold numbers are, and what cells without a ratio.

    Args:
        figure: With cells.
        unknown: What has no ratio.
    """
    bold = Line2D(
        [],
        [],
        linestyle="none",
        marker=r"$\mathbf{0.8}$",
        markersize=14,
        markeredgewidth=0.1,
        color="black",
        label="95 % interval excludes 1",
    )
    handles = [bold, Patch(facecolor=_UNKNOWN, label=unknown)]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def _text(each: Estimate) -> str:
    if np.isnan(each.value):
        return "-"
    if np.isinf(each.value):
        return "∞"
    return f"{each.value:.2f}" if each.value else "0"
