"""Verdicts by rule: what a criterion asks of an interval, and what a claim asks of its criteria.

The rules in words are in docs/claims.md; they were written down before any sweep was run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np

from marl_comm.analysis.estimates import Estimate


class Outcome(StrEnum):
    """What one criterion comes to in one setting."""

    MET = "met"
    NOT_CONTRADICTED = "not contradicted"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    NOT_TESTED = "not tested"


class Verdict(StrEnum):
    """What a claim comes to."""

    HOLDS = "holds"
    NOT_CONTRADICTED = "not contradicted"
    HOLDS_PARTLY = "holds partly"
    NOT_SHOWN = "not shown"
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
        has_rival: Whether it must tell prediction from importance sampling as well: what both
            keep to says nothing for prediction.
        scale: How far two values lie apart: by their difference or by their ratio.
    """

    key: str
    figure: str
    statistic: str
    side: Literal["below", "above"]
    threshold: float
    settings: tuple[str, ...]
    has_rival: bool = False
    scale: Literal["difference", "ratio"] = "difference"

    def outcome(self, estimate: Estimate, rival: Estimate | None = None) -> Outcome:
        """Compare an interval with the threshold.

        Met or refuted only if the whole interval lies on one side; an estimate without an
        interval decides nothing, and neither does one that is not a number.

        Args:
            estimate: Of prediction.
            rival: Of importance sampling, where the criterion has a rival.
        """
        if not estimate.has_interval:
            return Outcome.UNDECIDED
        below, above = estimate.high < self.threshold, estimate.low > self.threshold
        if not (below or above):
            return Outcome.UNDECIDED
        if not (below if self.side == "below" else above):
            return Outcome.REFUTED
        if self.has_rival and rival is not None and self.outcome(rival) is Outcome.MET:
            return Outcome.NOT_CONTRADICTED
        return Outcome.MET

    def detectable(self, estimate: Estimate) -> float:
        """Return the value that would just have been met, had its interval been as wide as this.

        The smallest effect that these runs could have shown; nan where there is no interval, or
        an end of it is infinite.
        """
        end = estimate.high if self.side == "below" else estimate.low
        if not (np.isfinite(estimate.value) and np.isfinite(end)):
            return np.nan
        if self.scale == "difference":
            return self.threshold - (end - estimate.value)
        return self.threshold * estimate.value / end if end > 0 and self.threshold > 0 else np.nan


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
        rival: The same number of importance sampling, where the criterion has a rival.
    """

    criterion: str
    setting: str
    estimate: Estimate
    note: str = ""
    rival: Estimate | None = None


@dataclass(frozen=True)
class Line:
    """One line of the claims table: a criterion in a setting."""

    criterion: Criterion
    setting: str
    evidence: Evidence | None

    @property
    def outcome(self) -> Outcome:
        """What it comes to."""
        if self.evidence is None:
            return Outcome.NOT_TESTED
        return self.criterion.outcome(self.evidence.estimate, self.evidence.rival)


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

    All met: holds. All not contradicted: not contradicted. Nothing tested: not tested. All that
    was tested refuted: does not hold. Something met: holds partly. Anything else: not shown.
    """
    found = set(outcomes)
    tested = found - {Outcome.NOT_TESTED}
    if not tested:
        return Verdict.NOT_TESTED
    if found == {Outcome.MET}:
        return Verdict.HOLDS
    if found == {Outcome.NOT_CONTRADICTED}:
        return Verdict.NOT_CONTRADICTED
    if tested == {Outcome.REFUTED}:
        return Verdict.DOES_NOT_HOLD
    if Outcome.MET in found:
        return Verdict.HOLDS_PARTLY
    return Verdict.NOT_SHOWN


def slots_of(claims: Sequence[Claim]) -> dict[tuple[str, str], Criterion]:
    """Return what evidence may be of: each criterion by its key and a setting."""
    return {
        (criterion.key, setting): criterion
        for claim in claims
        for criterion in claim.criteria
        for setting in criterion.settings
    }


def judge(claims: Sequence[Claim], evidence: Sequence[Evidence]) -> list[Judgement]:
    """Judge every claim.

    Args:
        claims: What is claimed.
        evidence: What the figures measured, in any order.

    Raises:
        ValueError: A piece of evidence belongs to no criterion or setting, there are two for one,
            or one comes without its rival: a defect of the figure that gave it.
    """
    slots = slots_of(claims)
    found: dict[tuple[str, str], Evidence] = {}
    for each in evidence:
        slot = (each.criterion, each.setting)
        if slot not in slots:
            raise ValueError(f"evidence for {slot}, which no claim asks for")
        if slot in found:
            raise ValueError(f"two pieces of evidence for {slot}")
        if slots[slot].has_rival and each.rival is None:
            raise ValueError(f"evidence for {slot} says nothing of importance sampling")
        found[slot] = each
    return [Judgement(claim, _lines(claim, found)) for claim in claims]


def _lines(claim: Claim, found: Mapping[tuple[str, str], Evidence]) -> tuple[Line, ...]:
    return tuple(
        Line(criterion, setting, found.get((criterion.key, setting)))
        for criterion in claim.criteria
        for setting in criterion.settings
    )
