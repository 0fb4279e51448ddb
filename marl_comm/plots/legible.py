"""Whether a reader can read a figure: what its texts cover, and what is cut off."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

_SLACK = 1.0  # points by which boxes of letters may meet: they have some white around them
_POINTS = 72.0  # per inch


def unreadable(figure: Figure) -> list[str]:
    """Return what a reader could not read or would confuse, a line for each; empty if nothing.

    Two texts that cover each other, a text that leaves the picture or covers a curve, two panels
    of one title, and a logarithmic axis on which fewer than two numbers stand.

    Args:
        figure: Complete, with its title; it is laid out, not changed.
    """
    figure.draw_without_rendering()
    pixels = figure.dpi / _POINTS
    boxes = _boxes(figure)
    picture = Bbox.from_extents(0, 0, *figure.bbox.size).padded(_SLACK * pixels)
    found = [
        f"{_words(text)} leaves the picture"
        for text, box in boxes
        if not (picture.contains(*box.min) and picture.contains(*box.max))
    ]
    found += [
        f"{_words(one)} and {_words(other)} cover each other"
        for (one, box), (other, another) in combinations(boxes, 2)
        if _meet(box, another, _SLACK * pixels)
    ]
    inside = {id(text): panel for panel in figure.axes for text in panel.texts}
    found += [
        f"{_words(text)} covers a curve"
        for text, box in boxes
        if id(text) in inside and _on_a_curve(inside[id(text)], box, pixels)
    ]
    titles = [panel.get_title() for panel in figure.axes if panel.get_title()]
    found += [f"two panels have the title {title!r}" for title in _twice(titles)]
    return found + [
        f"{axis.axis_name}-axis of {panel.get_title()!r} has one number"
        for panel in figure.axes
        for axis in (panel.xaxis, panel.yaxis)
        if axis.get_scale() == "log" and len(list(_numbers(axis))) == 1
    ]


def _boxes(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Return every text that is seen, with its place in pixels."""
    numbers = [text for panel in figure.axes for axis in _axes(panel) for text in _numbers(axis)]
    of_axes = {
        id(text)
        for panel in figure.axes
        for axis in _axes(panel)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        for text in (tick.label1, tick.label2)
    }
    others = [
        each
        for each in figure.findobj(Text)
        if isinstance(each, Text) and id(each) not in of_axes and _is_seen(each)
    ]
    return [(text, text.get_window_extent()) for text in (*others, *numbers)]


def _axes(panel: Axes) -> tuple[Axis, Axis]:
    return panel.xaxis, panel.yaxis


def _numbers(axis: Axis) -> Iterator[Text]:
    """Yield the numbers that stand at an axis, those outside its limits left out."""
    low, high = sorted(axis.get_view_interval())
    for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
        if low <= tick.get_loc() <= high:
            yield from filter(_is_seen, (tick.label1, tick.label2))


def _is_seen(text: Text) -> bool:
    return text.get_visible() and bool(text.get_text().strip())


def _meet(one: Bbox, other: Bbox, slack: float) -> bool:
    shared = Bbox.intersection(one, other)
    return shared is not None and min(shared.width, shared.height) > slack


def _on_a_curve(panel: Axes, box: Bbox, pixels: float) -> bool:
    box = box.padded(-_SLACK * pixels)
    return any(_crosses(line, box, pixels) for line in panel.get_lines() if line.get_visible())


def _crosses(line: Line2D, box: Bbox, pixels: float) -> bool:
    """Return whether a line or one of its marks lies in a box, of so many pixels a point."""
    path = line.get_transform().transform_path(line.get_path())
    if line.get_linestyle() != "None" and path.intersects_bbox(box, filled=False):
        return True
    if line.get_marker() in ("None", None, ""):
        return False
    wide = box.padded(line.get_markersize() / 2 * pixels)
    vertices = np.asarray(path.vertices)[_marked(line)]
    return any(wide.contains(x, y) for x, y in vertices)


def _marked(line: Line2D) -> slice:
    every = line.get_markevery()
    return slice(None, None, every) if isinstance(every, int) else slice(None)


def _twice(titles: list[str]) -> list[str]:
    return sorted({title for title in titles if titles.count(title) > 1})


def _words(text: Text) -> str:
    return repr(" ".join(text.get_text().split()))
