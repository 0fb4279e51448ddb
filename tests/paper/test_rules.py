import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from marl_comm.analysis.estimates import Estimate
from marl_comm.paper.claims import CLAIMS
from marl_comm.paper.rules import (
    Claim,
    Criterion,
    Evidence,
    Outcome,
    Verdict,
    judge,
    verdict,
)
from marl_comm.paper.rules_table import rules_table

BELOW = Criterion("below", "figure", "a ratio", "below", 0.9, ("a", "b"))
ABOVE = Criterion("above", "figure", "a ratio", "above", 2.0, ("a",))
MET, REFUTED = Outcome.MET, Outcome.REFUTED
UNDECIDED, NOT_TESTED = Outcome.UNDECIDED, Outcome.NOT_TESTED
NOT_CONTRADICTED = Outcome.NOT_CONTRADICTED
BOUND = Criterion("bound", "figure", "an exponent", "below", 0.75, ("a",), has_rival=True)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.5, 0.89, MET),
        (0.5, 0.9, UNDECIDED),
        (0.85, 0.95, UNDECIDED),
        (0.9, 1.2, UNDECIDED),
        (0.91, 1.2, REFUTED),
        (0.91, math.inf, REFUTED),
        (0.5, math.inf, UNDECIDED),
        (math.nan, math.nan, UNDECIDED),
    ],
)
def test_the_whole_interval_decides_below(low: float, high: float, expected: Outcome) -> None:
    assert BELOW.outcome(Estimate(0.8, low, high)) is expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(2.1, math.inf, MET), (1.9, 3.0, UNDECIDED), (0.5, 1.9, REFUTED), (2.0, 3.0, UNDECIDED)],
)
def test_the_whole_interval_decides_above(low: float, high: float, expected: Outcome) -> None:
    assert ABOVE.outcome(Estimate(2.5, low, high)) is expected


def test_an_estimate_without_interval_decides_nothing() -> None:
    assert BELOW.outcome(Estimate(0.1)) is UNDECIDED


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([MET, MET], Verdict.HOLDS),
        ([MET, UNDECIDED], Verdict.HOLDS_PARTLY),
        ([MET, REFUTED], Verdict.HOLDS_PARTLY),
        ([MET, NOT_TESTED], Verdict.HOLDS_PARTLY),
        ([MET, NOT_CONTRADICTED], Verdict.HOLDS_PARTLY),
        ([NOT_CONTRADICTED, NOT_CONTRADICTED], Verdict.NOT_CONTRADICTED),
        ([NOT_CONTRADICTED, UNDECIDED], Verdict.NOT_SHOWN),
        ([NOT_CONTRADICTED, REFUTED], Verdict.NOT_SHOWN),
        ([REFUTED, REFUTED], Verdict.DOES_NOT_HOLD),
        ([REFUTED, NOT_TESTED], Verdict.DOES_NOT_HOLD),
        ([REFUTED, UNDECIDED], Verdict.NOT_SHOWN),
        ([UNDECIDED, NOT_TESTED], Verdict.NOT_SHOWN),
        ([NOT_TESTED, NOT_TESTED], Verdict.NOT_TESTED),
    ],
)
def test_verdicts(outcomes: list[Outcome], expected: Verdict) -> None:
    assert verdict(outcomes) is expected
    assert verdict(outcomes[::-1]) is expected


def test_a_bound_that_the_rival_keeps_as_well_is_not_met_but_not_contradicted() -> None:
    kept, broken = Estimate(0.3, 0.2, 0.4), Estimate(0.9, 0.8, 1.0)
    assert BOUND.outcome(kept, kept) is NOT_CONTRADICTED
    assert BOUND.outcome(kept, broken) is MET
    assert BOUND.outcome(kept, Estimate(0.7, 0.6, 0.8)) is MET
    assert BOUND.outcome(kept) is MET
    assert BOUND.outcome(broken, kept) is REFUTED
    assert BELOW.outcome(kept, kept) is MET


@pytest.mark.parametrize("criterion", [BELOW, ABOVE])
@pytest.mark.parametrize("scale", ["ratio", "difference"])
def test_what_would_just_be_shown_is_met_by_an_interval_as_wide(
    criterion: Criterion, scale: Literal["ratio", "difference"]
) -> None:
    criterion = replace(criterion, scale=scale)
    shown = criterion.detectable(Estimate(1.3, 1.0, 1.7))
    for value, side in ((shown * 0.999, "below"), (shown * 1.001, "above")):
        moved = Estimate(value, value - 0.3, value + 0.4)
        if scale == "ratio":
            moved = Estimate(value, value / 1.3, value * 1.7 / 1.3)
        assert (criterion.outcome(moved) is MET) == (criterion.side == side)


def test_how_far_beyond_the_threshold_an_interval_lies_and_how_wide_it_is_does_not_matter() -> None:
    """Runs that show more than they could have shown of less have shown it all the same."""
    for value, width in ((1.0, 0.09), (5.0, 4.0), (500.0, 400.0)):
        assert BELOW.outcome(Estimate(value, value - width, value + width)) is REFUTED
        assert BELOW.outcome(Estimate(-value, -value - width, -value + width)) is MET
    assert BELOW.outcome(Estimate(1.5, 1.0, math.inf)) is REFUTED


def test_nothing_can_be_said_of_what_would_be_shown_without_an_interval() -> None:
    assert math.isnan(BELOW.detectable(Estimate(1.3)))
    assert math.isnan(BELOW.detectable(Estimate(1.3, 1.0, math.inf)))


def test_every_setting_of_every_criterion_has_a_line() -> None:
    claim = Claim("1", "text", (BELOW, ABOVE))
    evidence = [
        Evidence("above", "a", Estimate(3, 2.5, 4)),
        Evidence("below", "b", Estimate(0.5, 0.4, 0.6)),
    ]
    (judgement,) = judge([claim], evidence)
    lines = [(line.criterion.key, line.setting, line.outcome) for line in judgement.lines]
    assert lines == [("below", "a", NOT_TESTED), ("below", "b", MET), ("above", "a", MET)]
    assert judgement.verdict is Verdict.HOLDS_PARTLY
    assert judgement.count(MET) == 2


@pytest.mark.parametrize(
    "evidence",
    [
        [Evidence("below", "elsewhere", Estimate(1))],
        [Evidence("unknown", "a", Estimate(1))],
        [Evidence("below", "a", Estimate(1)), Evidence("below", "a", Estimate(2))],
    ],
)
def test_evidence_that_nobody_asked_for_or_twice_is_a_defect(evidence: list[Evidence]) -> None:
    with pytest.raises(ValueError, match="evidence for"):
        judge([Claim("1", "text", (BELOW,))], evidence)


def test_a_bound_is_not_judged_without_what_importance_sampling_comes_to() -> None:
    kept = Estimate(0.3, 0.2, 0.4)
    with pytest.raises(ValueError, match="nothing of importance sampling"):
        judge([Claim("1", "text", (BOUND,))], [Evidence("bound", "a", kept)])
    (judgement,) = judge([Claim("1", "text", (BOUND,))], [Evidence("bound", "a", kept, rival=kept)])
    assert judgement.verdict is Verdict.NOT_CONTRADICTED


def test_criteria_have_different_names_and_at_least_one_setting() -> None:
    criteria = [criterion for claim in CLAIMS for criterion in claim.criteria]
    assert len({criterion.key for criterion in criteria}) == len(criteria)
    assert all(criterion.settings for criterion in criteria)


def test_the_documentation_holds_the_rules_of_the_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "claims.md").read_text()
    assert rules_table() in page
    for claim in CLAIMS:
        assert f"* **{claim.key}**: {claim.text}" in page
