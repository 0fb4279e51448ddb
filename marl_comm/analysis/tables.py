"""The two tables of a comparison: what each gap cost, and that cost relative to a reference."""

from collections.abc import Sequence

import numpy as np

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import SMALLEST_SAMPLE, median, ratio_of_medians
from marl_comm.analysis.pairs import Pairs
from marl_comm.analysis.runs import SeedSummary
from marl_comm.analysis.sheets import Cell, Row, Sheet
from marl_comm.arrays import Array
from marl_comm.randomness import generator

# Column title, name of the count at arrival, name of the same count at the end of the run.
_COSTS = (
    ("rounds", "round", "rounds"),
    ("local updates", "local_step", "local_steps"),
    ("samples", "samples", "samples"),
    ("bytes up", "bytes_up", "bytes_up"),
)
_RATIOS = (_COSTS[0], _COSTS[2])
_COST_CAPTION = """\
Costs until the gap was first reached. There at the end: seeds whose final gap is at most this.
Median over seeds [95 % interval of the median, exact, from order statistics].
A seed that never got there counts as infinite. '> n': too few seeds got there for a median;
n is from what each seed needed or, if it never got there, had used in all.
-: none are used at all. k = 10^3, M = 10^6, G = 10^9."""
_RATIO_CAPTION = """\
Median over the paired seeds / median of the reference [95 % interval, paired bootstrap].
Below 1: cheaper than the reference. A seed that never got there counts as infinite.
never there: pairs in which only this one / only the reference / both never got there.
inf or 0: this median or the reference's is infinite. -: undefined, both are infinite or 0."""


def cost_table(configurations: Sequence[Configuration]) -> Sheet:
    """Return the table of rounds, local updates, samples and bytes up to each gap."""
    rows = []
    for configuration in configurations:
        summaries = [run.summary for run in configuration.seeds]
        for threshold in configuration.thresholds:
            arrived = sum(summary.reached[threshold] is not None for summary in summaries)
            stayed = sum(_final_gap(summary) <= threshold for summary in summaries)
            cells = (
                Cell(f"{threshold:g}", threshold),
                Cell(f"{arrived}/{len(summaries)}", arrived),
                Cell(f"{stayed}/{len(summaries)}", stayed),
                *(_cost(summaries, threshold, count, total) for _, count, total in _COSTS),
            )
            rows.append(Row(configuration.label, cells))
    columns = ("gap", "got there", "there at the end", *(title for title, _, _ in _COSTS))
    caption = caption_for(configurations, _COST_CAPTION)
    return Sheet("Cost to reach a Nash gap", caption, None, columns, tuple(rows))


def _final_gap(summary: SeedSummary) -> float:
    return np.inf if summary.nash_gap is None else summary.nash_gap


def ratio_table(pairings: Sequence[Pairs]) -> Sheet:
    """Return the table of rounds and samples relative to the reference, paired by seed."""
    rows = []
    for pairs in pairings:
        ours, theirs = pairs.summaries(pairs.configuration), pairs.summaries(pairs.reference)
        for threshold in pairs.thresholds:
            we_never = np.isinf(_arrivals(ours, threshold, "round"))
            they_never = np.isinf(_arrivals(theirs, threshold, "round"))
            never = (we_never & ~they_never, they_never & ~we_never, we_never & they_never)
            cells = (
                Cell(f"{threshold:g}", threshold),
                Cell(str(len(pairs.seeds)), len(pairs.seeds)),
                Cell(" / ".join(str(which.sum()) for which in never)),
                *(
                    _ratio(_arrivals(ours, threshold, count), _arrivals(theirs, threshold, count))
                    for _, count, _ in _RATIOS
                ),
            )
            rows.append(Row(pairs.label, cells))
    columns = ("gap", "pairs", "never there", *(f"{title} ratio" for title, _, _ in _RATIOS))
    caption = caption_for(pairings, _RATIO_CAPTION)
    return Sheet("Cost relative to the reference", caption, None, columns, tuple(rows))


def _arrivals(summaries: Sequence[SeedSummary], threshold: float, count: str) -> Array:
    """Counts at arrival, (seeds,), infinite for a seed that never arrived."""
    reached = [summary.reached[threshold] for summary in summaries]
    return np.array([np.inf if each is None else getattr(each, count) for each in reached])


def _cost(summaries: Sequence[SeedSummary], threshold: float, count: str, total: str) -> Cell:
    arrivals = _arrivals(summaries, threshold, count)
    used = np.array([getattr(summary, total) for summary in summaries], dtype=np.float64)
    if not used.any():
        return Cell("-")
    estimate = median(arrivals)
    # Each seed needed at least this much, so its order statistics bound those of the arrivals.
    bound = median(np.where(np.isinf(arrivals), used, arrivals))
    value = _bounded(estimate.value, bound.value)
    if not estimate.has_interval or np.isinf(estimate.low):
        return Cell(value, estimate.value)
    text = f"{value} [{_number(estimate.low)}, {_bounded(estimate.high, bound.high)}]"
    return Cell(text, estimate.value, estimate.low, estimate.high)


def _ratio(values: Array, reference: Array) -> Cell:
    estimate = ratio_of_medians(values, reference, generator(0, "bootstrap"))
    if np.isnan(estimate.value):
        return Cell("-")
    if not estimate.has_interval or np.isinf(estimate.low):
        return Cell(f"{estimate.value:.2f}", estimate.value)
    text = f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
    return Cell(text, estimate.value, estimate.low, estimate.high)


def _bounded(value: float, bound: float) -> str:
    return f"> {_number(bound)}" if np.isinf(value) else _number(value)


def _number(value: float) -> str:
    """Write a count: exact below a hundred thousand, else three digits with k, M or G."""
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= max(scale, 1e5):
            digits = np.format_float_positional(value / scale, 3, unique=False, fractional=False)
            return digits.rstrip(".") + letter
    return f"{value:g}"


def caption_for(rows: Sequence[Configuration | Pairs], caption: str) -> str:
    """Return the caption of a table, which says where rows have too few seeds for intervals."""
    if any(len(row.seeds) < SMALLEST_SAMPLE for row in rows):
        caption += f"\nNo interval is given for fewer than {SMALLEST_SAMPLE} seeds."
    return caption
