"""The page on the long studies has its trials of larger updates from the table beside it."""

import csv
import re
from pathlib import Path
from statistics import mean, stdev

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = " ".join((DOCS / "mappo_study.md").read_text().replace("\N{MINUS SIGN}", "-").split())


def trials():
    """Final returns of seeds, sampled and greedy, by what was tried."""
    found = {}
    with (DOCS / "larger_updates.csv").open() as lines:
        for row in csv.DictReader(lines):
            returns = float(row["sampled"]), float(row["greedy"])
            found.setdefault(row["trial"], []).append(returns)
    return found


@pytest.mark.parametrize("trial", trials())
def test_a_trial_has_its_means_on_the_page(trial):
    sampled, greedy = zip(*trials()[trial], strict=True)
    errors = [stdev(returns) / len(returns) ** 0.5 for returns in (sampled, greedy)]
    (shown,) = re.findall(rf"\| {re.escape(trial)} \|([^|]*)\|([^|]*)\|", PAGE)
    for text, returns, error in zip(shown, (sampled, greedy), errors, strict=True):
        assert text.strip() == f"{mean(returns):.1f} ± {error:.1f}"
