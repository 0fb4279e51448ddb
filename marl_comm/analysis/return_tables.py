"""Tables of runs in environments: what each configuration came to, and paired differences."""

from collections.abc import Callable, Sequence, Sized
from functools import partial

import numpy as np

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
from marl_comm.analysis.sheets import Cell, Row, Sheet
from marl_comm.analysis.tables import caption_for
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


def return_table(configurations: Sequence[Configuration], outcome: str = RETURN) -> Sheet:
    """Return the table of rounds, steps, returns, and how old the data were."""
    rows = [
        Row(each.label, (_count(each.seeds), *map(_cell, _measured(each, outcome).values())))
        for each in configurations
    ]
    caption = caption_for(configurations, _CAPTION)
    columns = ("seeds", *measures_of(outcome))
    return Sheet("Runs in environments", caption, "configuration", columns, tuple(rows))


def difference_table(pairings: Sequence[Pairs], outcome: str = RETURN) -> Sheet:
    """Return the table of what each configuration does differently from its reference."""
    rows = [
        Row(
            pairs.label,
            (
                _count(pairs.seeds),
                *map(_cell, _compared(pairs.configuration, pairs.reference, outcome).values()),
            ),
        )
        for pairs in pairings
    ]
    caption = caption_for(pairings, _PAIRED_CAPTION)
    columns = ("pairs", *_comparison_titles(outcome))
    first = "configuration / reference"
    return Sheet("Relative to the reference", caption, first, columns, tuple(rows))


def _count(seeds: Sized) -> Cell:
    return Cell(str(len(seeds)), len(seeds))


def _cell(each: Estimate) -> Cell:
    if np.isnan(each.value):
        return Cell("")
    if not each.has_interval:
        return Cell(short(each), each.value)
    return Cell(short(each), each.value, each.low, each.high)


def _measured(configuration: Configuration, outcome: str) -> dict[str, Estimate]:
    return {
        title: mean_of(statistic(configuration))
        for title, statistic in measures_of(outcome).items()
    }


def _compared(
    configuration: Configuration, reference: Configuration, outcome: str
) -> dict[str, Estimate]:
    measures = measures_of(outcome)
    estimates = [
        *(ratio_of(*paired(measures[title], configuration, reference)) for title in _RATIOS),
        *(
            difference_of(*paired(measures[_titled(title, outcome)], configuration, reference))
            for title in _DIFFERENCES
        ),
    ]
    return dict(zip(_comparison_titles(outcome), estimates, strict=True))


def _comparison_titles(outcome: str) -> list[str]:
    return [
        *(f"{title}, ratio" for title in _RATIOS),
        *(f"{_titled(title, outcome)}, difference" for title in _DIFFERENCES),
    ]


def _titled(title: str, outcome: str) -> str:
    return title.replace(RETURN, outcome)


def short(each: Estimate) -> str:
    """Return a number with its interval where it has one; empty where nothing was measured."""
    if np.isnan(each.value):
        return ""
    if not each.has_interval or each.low == each.high:
        return number(each.value)
    return f"{number(each.value)} {interval(each)}"
