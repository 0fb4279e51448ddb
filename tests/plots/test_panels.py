"""What figures share: titles, legends of all that is drawn, and the numbers behind them."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.estimates import Estimate
from marl_comm.paper.figure import paper_figures
from marl_comm.plots.cells import draw_cells
from marl_comm.plots.data import write_data
from marl_comm.plots.panels import (
    BAND,
    NEVER,
    draw_estimates,
    give_title,
    legend_on_top,
    marks_on_top,
    reference_line,
)
from marl_comm.plots.style import RC_PARAMS, look_of


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def drawn() -> Figure:
    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    (one, other), below = figure.subplots(2, 2)
    one.set(title="first", ylabel="upper\nrow")
    other.set_title("second")
    below[0].set(xlabel="rounds", ylabel="lower row")
    below[1].set_xlabel("samples")
    look = look_of("importance_sampling")
    reference_line(one, "asked", y=0.5)
    draw_estimates(one, [1, 2], [Estimate(1.0, 0.5, 2.0), Estimate(3.0, 2.0, math.inf)], look, "a")
    draw_estimates(below[1], [1], [Estimate(math.inf, 4.0, math.inf)], look, "b")
    return figure


def test_a_legend_has_the_curves_of_all_panels_then_marks_then_bands() -> None:
    figure = drawn()
    legend_on_top(figure)
    assert legend(figure) == ["a", "b", "asked", NEVER, BAND]


def test_a_long_title_stands_in_lines_of_about_equal_length() -> None:
    figure = Figure(figsize=(7.2, 3.0))
    give_title(figure, "A title " + "that is too long for one line " * 3 + "by far")
    one, other = figure.get_suptitle().split("\n")
    assert abs(len(one) - len(other)) <= 10


def test_a_solid_line_hides_no_broken_one_of_equal_numbers() -> None:
    figure = Figure()
    panel = figure.subplots()
    for algorithm in ("importance_sampling", "base_policy_prediction", "stale"):
        draw_estimates(panel, [1, 2], [Estimate(1.0), Estimate(2.0)], look_of(algorithm), algorithm)
    order = sorted(panel.get_lines(), key=lambda line: line.get_zorder())
    assert order[0].get_label() == "base_policy_prediction"


@pytest.mark.parametrize("put", [legend_on_top, marks_on_top])
@pytest.mark.parametrize("names", [["short"] * 3, ["a name longer than most"] * 5, ["x" * 80]])
def test_legends_fit_into_their_figure(names: list[str], put: Callable[[Figure], None]) -> None:
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    panel = figure.subplots()
    for number, name in enumerate(names):
        panel.plot([0, 1], [0, number], label=f"{name} {number}")
    with style.context(RC_PARAMS):
        put(figure)
        give_title(figure, "A sentence says what this shows")
        figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert box.y1 <= figure.bbox.y1


def test_a_title_stands_above_the_legend_or_alone() -> None:
    figure = drawn()
    give_title(figure, "It shows this")
    assert figure.get_suptitle() == "It shows this"
    figure = drawn()
    legend_on_top(figure)
    give_title(figure, "It shows this")
    assert figure.legends[0].get_title().get_text() == "It shows this"
    assert figure.get_suptitle() == ""


def test_the_numbers_of_a_figure_are_those_that_were_drawn(tmp_path: Path) -> None:
    write_data(drawn(), tmp_path / "data.csv")
    rows = [list(row.values()) for row in csv.DictReader((tmp_path / "data.csv").open())]
    assert rows == [
        ["first", "upper row", "rounds", "a", "1.0", "1.0", "0.5", "2.0"],
        ["first", "upper row", "rounds", "a", "2.0", "3.0", "2.0", "inf"],
        ["second", "lower row", "samples", "b", "1.0", "inf", "4.0", "inf"],
    ]
    figure = Figure()
    draw_cells(figure.subplots(), [[Estimate(0.5, 0.4, 0.6)]], ["250"], ["0.01"])
    write_data(figure, tmp_path / "cells.csv")
    assert (tmp_path / "cells.csv").read_text().endswith(",0.01,250,0.5,0.4,0.6\n")


def test_every_figure_of_the_paper_has_one_sentence_of_its_own_as_its_title() -> None:
    titles = [figure.title for figure in paper_figures().values()]
    assert len({*titles}) == len(titles) >= 20
    for title in titles:
        assert title[0].isupper()
        assert len(title) < 90
        assert not {*title} & {*".:;?"}
        assert len(title.split()) > 5
