"""Tables of runs in environments: what each configuration came to, and paired differences."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from rich.table import Table

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import difference_of, mean_of, ratio_of
from marl_comm.analysis.pairs import Pairs
from marl_comm.analysis.returns import (
    RETURN,
    areas,
    final_returns,
    paired,
    rounds_used,
    samples_used,
    staleness_means,
)
from marl_comm.analysis.tables import empty_table
from marl_comm.analysis.text import interval, number
from marl_comm.arrays import Array

Statistic = Callable[[Configuration], Array]

MEASURES: dict[str, Statistic] = {
    "rounds": rounds_used,
    "joint steps": samples_used,
    "final return": final_returns,
    "area": areas,
    "ESS": partial(staleness_means, field="ess"),
    "KL": partial(staleness_means, field="kl"),
    "κ": partial(staleness_means, field="kappa"),
    "cosine": partial(staleness_means, field="cosine"),
}
"""What a run came to, one number per seed."""


def measures_of(outcome: str) -> dict[str, Statistic]:
    """Return the same of another outcome of episodes than the return."""
    other = {
        "final return": partial(final_returns, outcome=outcome),
        "area": partial(areas, outcome=outcome),
    }
    return {
        _titled(title, outcome): other.get(title, statistic)
        for title, statistic in MEASURES.items()
    }


_RATIOS = ("rounds", "joint steps", "KL")
_DIFFERENCES = ("final return", "area", "ESS")
_CAPTION = """\
Interquartile mean over seeds [its 95 % bootstrap interval]. Returns are summed over the agents,
actions sampled; final: of the last evaluation; area: mean over all evaluations. ESS (share of the
samples), KL (nats, of the current policy from the one that collected), κ (share of the predicted
way) and cosine (of predicted and real way) are means over local updates on old data."""
_PAIRED_CAPTION = """\
Paired by seed: ratios of interquartile means (rounds, joint steps, KL), interquartile means of
differences (returns, area, ESS) [95 % bootstrap interval]."""


def return_table(configurations: Sequence[Configuration], outcome: str = RETURN) -> Table:
    """Return the table of rounds, steps, returns, and how old the data were."""
    table = empty_table("Runs in environments", _CAPTION, configurations)
    for title in ("configuration", "seeds", *measures_of(outcome)):
        table.add_column(title, overflow="fold")
    for each in configurations:
        table.add_row(each.label, str(len(each.seeds)), *measured(each, outcome).values())
    return table


def difference_table(pairings: Sequence[Pairs], outcome: str = RETURN) -> Table:
    """Return the table of what each configuration does differently from its reference."""
    table = empty_table("Relative to the reference", _PAIRED_CAPTION, pairings)
    for title in ("configuration / reference", "pairs", *comparison_titles(outcome)):
        table.add_column(title, overflow="fold")
    for pairs in pairings:
        cells = compared(pairs.configuration, pairs.reference, outcome).values()
        table.add_row(pairs.label, str(len(pairs.seeds)), *cells)
    return table


def measured(configuration: Configuration, outcome: str = RETURN) -> dict[str, str]:
    """Return each measure of a configuration in words, by its title."""
    return {
        title: short(mean_of(statistic(configuration)))
        for title, statistic in measures_of(outcome).items()
    }


def comparison_titles(outcome: str = RETURN) -> list[str]:
    """Return the titles of what `compared` returns, in its order."""
    return [
        *(f"{title}, ratio" for title in _RATIOS),
        *(f"{_titled(title, outcome)}, difference" for title in _DIFFERENCES),
    ]


def compared(
    configuration: Configuration, reference: Configuration, outcome: str = RETURN
) -> dict[str, str]:
    """Return ratios and differences to a reference in words, on the seeds that both have."""
    measures = measures_of(outcome)
    estimates = [
        *(ratio_of(*paired(measures[title], configuration, reference)) for title in _RATIOS),
        *(
            difference_of(*paired(measures[_titled(title, outcome)], configuration, reference))
            for title in _DIFFERENCES
        ),
    ]
    return dict(zip(comparison_titles(outcome), map(short, estimates), strict=True))


def _titled(title: str, outcome: str) -> str:
    return title.replace(RETURN, outcome)


def short(each: Estimate) -> str:
    """Return a number with its interval where it has one; empty where nothing was measured."""
    if np.isnan(each.value):
        return ""
    if not each.has_interval or each.low == each.high:
        return number(each.value)
    return f"{number(each.value)} {interval(each)}"
