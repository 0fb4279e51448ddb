"""What every figure of the paper's reproduction is: its experiments, its plot, its evidence."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure

import marl_comm.paper.figures
from marl_comm.analysis.configurations import Configuration
from marl_comm.errors import InputError
from marl_comm.options.extras import install_line
from marl_comm.paper.rules import Evidence

Configurations = Sequence[Configuration]


@dataclass(frozen=True)
class PaperFigure:
    """One figure. A module of this package that has one, as FIGURE, is part of the reproduction.

    Attributes:
        name: Of its module, and of its first experiment where it has one of its own.
        number: Where it stands in the report.
        title: One sentence that says what it shows.
        experiments: Files in `configs/experiment`, whose runs it reads.
        caption: How to read it: axes, bands, marks. Markdown of one paragraph.
        draw: Makes the figure of the runs.
        evidence: Measures what the claims ask for.
        quick: For each experiment, overrides that make it small.
        finding: Says in words and numbers what the runs show, as Markdown paragraphs.
        seeds: What it is computed from, in words, where there are no experiments.
        estimators: Likewise how it estimates action values.
        networks: Whether its runs are of MAPPO, so that a GPU can make them.
        extra: The extra of this package without which its runs cannot be made; may be empty.
    """

    name: str
    number: int
    title: str
    experiments: tuple[str, ...]
    caption: str
    draw: Callable[[Configurations], Figure]
    evidence: Callable[[Configurations], list[Evidence]] = field(default=lambda _: [])
    quick: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    finding: Callable[[Configurations], list[str]] = field(default=lambda _: [])
    seeds: str = ""
    estimators: str = ""
    extra: str = ""
    networks: bool = False

    def lacks(self) -> str:
        """Return what to type before its runs can be made; empty where nothing is missing."""
        if not self.extra or importlib.util.find_spec(self.extra) is not None:
            return ""
        return install_line(self.extra, self.extra)


def paper_figures() -> dict[str, PaperFigure]:
    """Return every figure by its name, in the order of the report."""
    found = []
    for module in pkgutil.iter_modules(marl_comm.paper.figures.__path__):
        figure = getattr(
            importlib.import_module(f"{marl_comm.paper.figures.__name__}.{module.name}"),
            "FIGURE",
            None,
        )
        if isinstance(figure, PaperFigure):
            found.append(figure)
    return {figure.name: figure for figure in sorted(found, key=lambda each: each.number)}


def chosen_figures(names: Sequence[str]) -> list[PaperFigure]:
    """Return the named figures, or all where none is named.

    Raises:
        InputError: There is no such figure.
    """
    known = paper_figures()
    for name in names:
        if name not in known:
            raise InputError(f"{name}: no such figure, choose from {', '.join(known)}")
    return [known[name] for name in names or known]
