"""What the pages quote is what the committed runs gave."""

import json
import re
from pathlib import Path

import pytest

from marl_comm.paper.claims import CLAIMS
from marl_comm.paper.figure import paper_figures

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "reproduction" / "README.md"
CLAIMS_FILE = ROOT / "docs" / "reproduction" / "claims.json"
# Three significant digits, as the report writes measurements, with or without an interval.
MEASUREMENT = re.compile(r"-?\d+\.\d+ \[[^\]]+\]")
NUMBER = re.compile(r"(?<![\w.])\d+\.\d\d+")


def claims_section() -> str:
    text = (ROOT / "README.md").read_text()
    return text.partition("## Where the claims stand")[2].partition("\n## ")[0]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_every_measurement_of_the_readmes_claims_is_in_the_claims_table() -> None:
    table = {
        f"{line['measured']} {line['interval']}"
        for claim in json.loads(CLAIMS_FILE.read_text())
        for line in claim["lines"]
    }
    section = flat(claims_section())
    quoted = MEASUREMENT.findall(section)
    assert len(quoted) >= 5
    assert set(quoted) <= table
    # No other decimals: each belongs to a quoted measurement.
    assert not NUMBER.findall(MEASUREMENT.sub("", section))


def test_the_readme_has_the_verdicts_of_the_claims_table() -> None:
    section = claims_section()
    for claim in json.loads(CLAIMS_FILE.read_text()):
        row = (
            f"| {claim['claim']} | {claim['text']} | **{claim['verdict']}** | {claim['settings']} |"
        )
        assert row in section


def test_the_claims_table_is_of_the_claims_as_they_are() -> None:
    committed = json.loads(CLAIMS_FILE.read_text())
    assert [(each["claim"], each["text"]) for each in committed] == [
        (claim.key, claim.text) for claim in CLAIMS
    ]
    for each, claim in zip(committed, CLAIMS, strict=True):
        expected = [
            (criterion.statistic, setting)
            for criterion in claim.criteria
            for setting in criterion.settings
        ]
        assert [(line["statistic"], line["setting"]) for line in each["lines"]] == expected


def test_every_measurement_of_the_honest_page_is_in_the_report() -> None:
    # In the claims table a bar stands between value and interval.
    report = flat(REPORT.read_text()).replace(" | [", " [")
    page = flat((ROOT / "docs" / "where_it_does_not_help.md").read_text())
    quoted = MEASUREMENT.findall(page)
    assert len(quoted) >= 12
    assert [each for each in quoted if each not in report] == []
    for words in ("fewer rounds in 4 of 20 cells", "fewer rounds in 4 of 15 cells", "more in 2,"):
        assert words in report


@pytest.mark.parametrize("name", sorted(paper_figures()))
def test_the_report_shows_every_figure_with_a_small_picture(name: str) -> None:
    picture = REPORT.parent / f"{name}.png"
    assert picture.stat().st_size < 200_000
    assert f"]({name}.png)" in REPORT.read_text()
