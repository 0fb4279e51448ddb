"""A figure that a reader cannot read is told as such, and one that is fine is left alone."""

from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from marl_comm.plots.legible import unreadable


def fine() -> Figure:
    figure = Figure(figsize=(6, 3), layout="constrained")
    one, other = figure.subplots(1, 2)
    one.set(title="first", xlabel="rounds", ylabel="gap (reward)", xscale="log")
    other.set(title="second", xlabel="samples")
    one.plot([1, 1000], [0, 1], label="a")
    other.plot([0, 1], [0, 1], marker="o")
    other.text(0.1, 0.8, "far from the curve")
    figure.legend(loc="outside upper center")
    return figure


def put(x: float, y: float, text: str, **how: object) -> Callable[[Figure], None]:
    return lambda figure: figure.axes[1].text(x, y, text, **how) and None  # type: ignore[arg-type]


def beside(x: float, y: float) -> Callable[[Figure], None]:
    """Write to the left of a point, a printer's point away."""
    how = {"xytext": (-1, 0), "textcoords": "offset points", "ha": "right", "va": "center"}
    return lambda figure: figure.axes[1].annotate("beside", (x, y), **how) and None


def narrow(figure: Figure) -> None:
    figure.axes[0].set(xlim=(2, 60), title="narrow")
    figure.axes[0].minorticks_off()


def test_a_figure_with_room_for_all_its_texts_is_fine() -> None:
    assert unreadable(fine()) == []


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (put(0.1, 0.8, "far away"), "'far from the curve' and 'far away' cover each other"),
        (put(0.5, 0.5, "in the way"), "'in the way' covers a curve"),
        (beside(0.0, 0.0), "'beside' covers a curve"),  # not on the line, but on its first mark
        (
            lambda figure: figure.text(0.95, 0.5, "a text much longer") and None,
            "'a text much longer' leaves the picture",
        ),
        (lambda figure: figure.axes[0].set_title("second") and None, "the title 'second'"),
        (narrow, "x-axis of 'narrow' has one number"),
        (
            lambda figure: figure.axes[1].set_ylabel("y" * 60) and None,
            f"'{'y' * 60}' leaves the picture",
        ),
        (
            lambda figure: figure.axes[1].set_xticks([0.5, 0.51], ["one", "two"]) and None,
            "'one' and 'two' cover each other",
        ),
    ],
)
def test_what_is_covered_cut_off_or_confused_is_told(
    spoil: Callable[[Figure], None], fault: str
) -> None:
    figure = fine()
    spoil(figure)
    assert any(fault in line for line in unreadable(figure)), unreadable(figure)


def test_what_is_not_seen_covers_nothing() -> None:
    figure = fine()
    put(0.1, 0.8, "far away", visible=False)(figure)
    put(0.1, 0.8, " ")(figure)
    # A line has no mark where it is told to leave it out.
    figure.axes[1].plot([0.3, 0.9, 0.9], [0.2, 0.2, 0.3], marker="s", markevery=3)
    beside(0.9, 0.3)(figure)
    figure.axes[0].set_xticks([1, 10, 1e9, 1.01e9], ["1", "10", "outside", "outside"])
    figure.axes[0].set_xlim(0.9, 1000)
    assert unreadable(figure) == []
