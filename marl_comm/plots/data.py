"""The numbers behind a figure, noted down while it is drawn, for whoever draws it anew."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from weakref import WeakKeyDictionary

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.storage.files import whole_file


@dataclass(frozen=True)
class Point:
    """One number of a panel.

    Attributes:
        series: Whose it is, as the legend calls it.
        x: Where it stands on the horizontal axis: a number, or a word.
        y: The number.
        low: Lower end of its interval; nan where it has none.
        high: Upper end.
    """

    series: str
    x: float | str
    y: float
    low: float
    high: float


_NOTED: "WeakKeyDictionary[Axes, list[Point]]" = WeakKeyDictionary()


def note(panel: Axes, points: Sequence[Point]) -> None:
    """Remember what is drawn in a panel."""
    _NOTED.setdefault(panel, []).extend(points)


def write_data(figure: Figure, file: Path) -> None:
    """Write what was noted of a figure as CSV: a line for each number, with its panel's names.

    Columns: `panel` (the title above its column), `vertical` and `horizontal` (the axes' names,
    those at the figure's edge where panels share them), then those of `Point`.

    Args:
        figure: As it was drawn.
        file: Where to.

    Raises:
        OutputError: It cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [field.name for field in fields(Point)]
    writer.writerow(["panel", "vertical", "horizontal", *names])
    panels = [panel for panel in figure.axes if panel.get_subplotspec() or panel in _NOTED]
    for panel in filter(_NOTED.__contains__, panels):
        title, vertical, horizontal = _named(panel, panels)
        for point in _NOTED[panel]:
            writer.writerow([title, vertical, horizontal, *astuple(point)])
    with whole_file(file) as stream:
        stream.write(text.getvalue().encode())


def _named(panel: Axes, panels: Sequence[Axes]) -> tuple[str, str, str]:
    """Return a panel's title and axes' names; where it has none, those of its column or row."""
    column = [each for each in panels if _place(each)[1] == _place(panel)[1]]
    row = [each for each in panels if _place(each)[0] == _place(panel)[0]]
    title = _first([panel.get_title(), *(each.get_title() for each in column)])
    vertical = _first([panel.get_ylabel(), *(each.get_ylabel() for each in row)])
    below = [each.get_xlabel() for each in column if _place(each)[0] >= _place(panel)[0]]
    horizontal = _first([panel.get_xlabel(), *below])
    return title, vertical, horizontal


def _place(panel: Axes) -> tuple[int, int]:
    """Return a panel's row and column."""
    spec = panel.get_subplotspec()
    return (0, 0) if spec is None else (spec.rowspan.start, spec.colspan.start)


def _first(texts: Sequence[str]) -> str:
    return " ".join(next((text for text in texts if text), "").split())
