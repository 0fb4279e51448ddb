"""The table of how far policies went, and how many rounds that alone takes by reweighing."""

from collections.abc import Sequence

import numpy as np

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import median
from marl_comm.analysis.sheets import Cell, Row, Sheet
from marl_comm.analysis.tables import caption_for

_CAPTION = """\
distance: Renyi-2 divergence of the last policy from the first, nats.
rounds it takes: distance / (ln samples_per_round - 2), which is about
how far one base policy serves. -: nothing is sampled.
Median over seeds [95 % interval of the median, exact]."""


def distance_table(configurations: Sequence[Configuration]) -> Sheet | None:
    """Return the table of distances; None where no run tells any, as those of old versions."""
    told = [each for each in configurations if _figures(each, "distance") is not None]
    if not told:
        return None
    names = ("distance", "distance_rounds", "rounds")
    rows = [
        Row(each.label, tuple(_figures(each, name) or Cell("-") for name in names)) for each in told
    ]
    columns = ("distance", "rounds it takes", "rounds used")
    title = "Distance from the first policy to the last"
    return Sheet(title, caption_for(told, _CAPTION), "", columns, tuple(rows))


def _figures(configuration: Configuration, name: str) -> Cell | None:
    """Return the median of a figure over the seeds; None where one of them lacks it."""
    values = [getattr(run.summary, name) for run in configuration.seeds]
    if any(value is None for value in values):
        return None
    estimate = median(np.array(values, dtype=np.float64))
    if not estimate.has_interval:
        return Cell(f"{estimate.value:.3g}", estimate.value)
    text = f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"
    return Cell(text, estimate.value, estimate.low, estimate.high)
