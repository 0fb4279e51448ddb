"""Tables and verdicts as a reader sees them, the same in every form of the report."""

import math
from collections.abc import Sequence

from marl_comm.analysis.text import interval, number
from marl_comm.paper.rules import Judgement, Line, Outcome


def required(line: Line) -> str:
    """Return what the criterion asks for."""
    return f"{line.criterion.side} {line.criterion.threshold:g}"


def measured(line: Line) -> tuple[str, str, str]:
    """Return value, interval and note; a dash for what was not tested."""
    if line.evidence is None:
        return "-", "-", ""
    estimate = line.evidence.estimate
    return number(estimate.value), interval(estimate), line.evidence.note


def tally(judgement: Judgement) -> str:
    """Return how many settings came to what, such as "3 met, 1 undecided"."""
    counts = {outcome: judgement.count(outcome) for outcome in Outcome}
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)


def detectable(line: Line) -> str:
    """Return the smallest effect that could have been shown: the value that just would be met."""
    if line.evidence is None:
        return "-"
    value = line.criterion.detectable(line.evidence.estimate)
    return "-" if math.isnan(value) else f"{line.criterion.side} {number(value)}"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its first column to the left and numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
