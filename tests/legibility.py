"""Figures of tests have to be as readable as those of users."""

from matplotlib.figure import Figure

from marl_comm.paper.figure import PaperFigure
from marl_comm.plots.legible import unreadable
from marl_comm.plots.panels import give_title


def legible(drawn: Figure, of: PaperFigure) -> Figure:
    """Return a figure under its title; fail if a reader could not read it."""
    give_title(drawn, of.title)
    assert unreadable(drawn) == []
    return drawn
