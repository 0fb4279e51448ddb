"""The report on prediction says what the numbers say, and nothing more."""

import math

import pytest

from marl_comm.runs.predictability import PredictabilityReport


def points(kl, unpredicted, kappa=0.4, cosine=0.3):
    return [{"kl": kl, "kl_unpredicted": unpredicted, "kappa": kappa, "cosine": cosine}]


@pytest.mark.parametrize(
    ("kl", "verdict"), [(0.8, "helps"), (0.95, "does nothing"), (1.0, "does"), (1.2, "harms")]
)
def test_the_verdict_compares_the_same_iterations(kl, verdict):
    report = PredictabilityReport()
    report.add(points(kl, 1.0))
    report.add(points(3.0 * kl, 3.0, kappa=0.0, cosine=math.nan))
    report.add([{"kl": 100.0}])  # nothing was predicted here
    report.add(points(100.0, math.nan))
    summary = report.summary()
    assert summary["iterations"] == 2
    assert summary["kl"] == pytest.approx(2.0 * kl)
    assert summary["kl_unpredicted"] == pytest.approx(2.0)
    assert summary["kappa"] == pytest.approx(0.2)
    assert summary["cosine"] == pytest.approx(0.3)
    assert verdict in summary["verdict"]


def test_without_prediction_nothing_is_claimed():
    summary = PredictabilityReport().summary()
    assert summary["kl"] is None
    assert summary["verdict"] == "No base policy was predicted in this run."


def test_what_no_agent_could_run_is_marked():
    report = PredictabilityReport()
    report.add(points(0.5, 1.0))
    assert report.summary()["verdict"].endswith("share of the predicted way gone (kappa) 0.40.")
    marked = report.summary(asked_the_game=True)["verdict"]
    assert marked.endswith("No agent could run this: it is a ceiling.")


def test_a_restored_report_goes_on():
    first, second = PredictabilityReport(), PredictabilityReport()
    first.add(points(0.1, 0.2))
    second.restore(first.state())
    for report in (first, second):
        report.add(points(0.3, 0.2))
    assert first.summary() == second.summary()
