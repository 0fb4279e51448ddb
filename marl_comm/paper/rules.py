"""Verdicts by rule: what a criterion asks of an interval, and what a claim asks of its criteria.

The rules in words are in docs/claims.md; they were written down before any sweep was run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from marl_comm.analysis.estimates import Estimate


class Outcome(StrEnum):
    """What one criterion comes to in one setting."""

    MET = "met"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    NOT_TESTED = "not tested"


class Verdict(StrEnum):
    """What a claim comes to."""

    HOLDS = "holds"
    HOLDS_PARTLY = "holds partly"
    DOES_NOT_HOLD = "does not hold"
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Criterion:
    """A number that a figure measures, and the side of a threshold where the claim wants it.

    Attributes:
        key: Its name, unique among all criteria.
        figure: The figure whose runs measure it.
        statistic: What is measured, in words.
        side: On which side of the threshold the claim wants the number.
        threshold: In the statistic's unit.
        settings: Every setting, such as a game, in which it has to be met.
    """

    key: str
    figure: str
    statistic: str
    side: Literal["below", "above"]
    threshold: float
    settings: tuple[str, ...]

    def outcome(self, estimate: Estimate | None) -> Outcome:
        """Compare an interval with the threshold.

        Met or refuted only if the whole interval lies on one side; an estimate without an
        interval decides nothing, and neither does one that is not a number.
        """
        if estimate is None:
            return Outcome.NOT_TESTED
        if not estimate.has_interval:
            return Outcome.UNDECIDED
        below, above = estimate.high < self.threshold, estimate.low > self.threshold
        if not (below or above):
            return Outcome.UNDECIDED
        return Outcome.MET if (below if self.side == "below" else above) else Outcome.REFUTED


@dataclass(frozen=True)
class Claim:
    """One claim and what it asks for.

    Attributes:
        key: Short name, as in the claims table.
        text: The claim in words.
        criteria: All of which it needs, in all of their settings.
    """

    key: str
    text: str
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True)
class Evidence:
    """What a figure measured for one criterion in one setting.

    Attributes:
        criterion: The criterion's key.
        setting: One of its settings.
        estimate: The measured number with its 95 % interval.
        note: What a reader must know beside it, such as how many runs never reached the gap.
    """

    criterion: str
    setting: str
    estimate: Estimate
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One line of the claims table: a criterion in a setting."""

    criterion: Criterion
    setting: str
    evidence: Evidence | None

    @property
    def outcome(self) -> Outcome:
        """What it comes to."""
        return self.criterion.outcome(None if self.evidence is None else self.evidence.estimate)


@dataclass(frozen=True)
class Judgement:
    """A claim with all its lines and its verdict."""

    claim: Claim
    lines: tuple[Line, ...]

    @property
    def verdict(self) -> Verdict:
        """Return the verdict that the lines make."""
        return verdict([line.outcome for line in self.lines])

    def count(self, outcome: Outcome) -> int:
        """Return how many lines have the outcome."""
        return sum(line.outcome is outcome for line in self.lines)


def verdict(outcomes: Sequence[Outcome]) -> Verdict:
    """Return what a claim's outcomes come to.

    All met: holds. Nothing tested: not tested. Something tested, nothing met: does not hold.
    Anything else, untested settings included: holds partly.
    """
    if all(outcome is Outcome.NOT_TESTED for outcome in outcomes):
        return Verdict.NOT_TESTED
    if all(outcome is Outcome.MET for outcome in outcomes):
        return Verdict.HOLDS
    if any(outcome is Outcome.MET for outcome in outcomes):
        return Verdict.HOLDS_PARTLY
    return Verdict.DOES_NOT_HOLD


def judge(claims: Sequence[Claim], evidence: Sequence[Evidence]) -> list[Judgement]:
    """Judge every claim.

    Args:
        claims: What is claimed.
        evidence: What the figures measured, in any order.

    Raises:
        ValueError: A piece of evidence belongs to no criterion or setting, or there are two for
            one: a defect of the figure that gave it.
    """
    slots = {
        (criterion.key, setting): None
        for claim in claims
        for criterion in claim.criteria
        for setting in criterion.settings
    }
    found: dict[tuple[str, str], Evidence] = {}
    for each in evidence:
        slot = (each.criterion, each.setting)
        if slot not in slots:
            raise ValueError(f"evidence for {slot}, which no claim asks for")
        if slot in found:
            raise ValueError(f"two pieces of evidence for {slot}")
        found[slot] = each
    return [Judgement(claim, _lines(claim, found)) for claim in claims]


def _lines(claim: Claim, found: Mapping[tuple[str, str], Evidence]) -> tuple[Line, ...]:
    return tuple(
        Line(criterion, setting, found.get((criterion.key, setting)))
        for criterion in claim.criteria
        for setting in criterion.settings
    )
