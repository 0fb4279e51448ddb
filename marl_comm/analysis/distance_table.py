"""The table of how far policies went, and how many rounds that alone takes by reweighing."""

from collections.abc import Sequence

import numpy as np
from rich.table import Table

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import median
from marl_comm.analysis.tables import empty_table

_CAPTION = """\
distance: Renyi-2 divergence of the last policy from the first, nats.
rounds it takes: distance / (ln samples_per_round - 2), as one base
policy serves policies about so far away. -: nothing is sampled.
Median over seeds [95 % interval of the median, exact]."""


def distance_table(configurations: Sequence[Configuration]) -> Table | None:
    """Return the table of distances; None where no run tells any, as those of old versions."""
    told = [each for each in configurations if _figures(each, "distance") is not None]
    if not told:
        return None
    table = empty_table("Distance from the first policy to the last", _CAPTION, told)
    table.add_column("", overflow="fold")
    for title in ("distance", "rounds it takes", "rounds used"):
        table.add_column(title, justify="right", overflow="fold")
    for each in told:
        cells = [_figures(each, name) for name in ("distance", "distance_rounds", "rounds")]
        table.add_row(each.label, *(cell or "-" for cell in cells))
    return table


def _figures(configuration: Configuration, name: str) -> str | None:
    """Return the median of a figure over the seeds; None where one of them lacks it."""
    values = [getattr(run.summary, name) for run in configuration.seeds]
    if any(value is None for value in values):
        return None
    estimate = median(np.array(values, dtype=np.float64))
    if not estimate.has_interval:
        return f"{estimate.value:.3g}"
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"
