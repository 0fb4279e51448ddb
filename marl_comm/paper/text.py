"""Numbers and verdicts as a reader sees them, the same in every form of the report."""

import math

from marl_comm.analysis.estimates import Estimate
from marl_comm.paper.rules import Judgement, Line, Outcome

_ROUNDING = 1e-12  # what is smaller is rounding, not a measurement


def number(value: float) -> str:
    """Return three significant digits; words where there is no number."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) < _ROUNDING:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    rounded = round(value, digits if abs(value) < 1000 else 0)
    return f"{rounded:,.{digits}f}" if abs(value) >= 0.001 else f"{value:.2e}"


def interval(estimate: Estimate) -> str:
    """Return the 95 % interval, or that there is none."""
    if not estimate.has_interval:
        return "none"
    return f"[{number(estimate.low)}, {number(estimate.high)}]"


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
