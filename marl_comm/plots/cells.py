"""A table of estimates as coloured cells."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.patches import Rectangle

from marl_comm.analysis.estimates import Estimate

# Both ends are far from grey, and the printed numbers say which is which without colour.
_COLORS = colormaps["PuOr_r"]
_NORM = LogNorm(0.4, 2.5)


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
            color = colors(norm(each.value)) if known else (0.93, 0.93, 0.93, 1.0)
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


def _text(each: Estimate) -> str:
    if np.isnan(each.value):
        return "-"
    if np.isinf(each.value):
        return "∞"
    return f"{each.value:.2f}" if each.value else "0"
