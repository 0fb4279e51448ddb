"""What the pages quote is what the committed runs gave."""

import json
import re
from pathlib import Path

import pytest
from test_command import named_files

from marl_comm.paper.claims import CLAIMS
from marl_comm.paper.figure import paper_figures
from marl_comm.paper.published import PAGE, published

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "reproduction" / "README.md"
CLAIMS_FILE = ROOT / "docs" / "reproduction" / "claims.json"
FIGURES = [each.name for each in published(REPORT.parent)]
# Three significant digits, as the report writes measurements, with or without an interval.
MEASUREMENT = re.compile(r"-?\d+(?:\.\d+)? \[-?[\d∞][^\]]*\]")
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


def test_every_setting_that_claims_ask_for_was_measured() -> None:
    committed = json.loads(CLAIMS_FILE.read_text())
    outcomes = {line["outcome"] for claim in committed for line in claim["lines"]}
    assert outcomes <= {"met", "refuted", "undecided", "not contradicted"}


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("where_it_does_not_help.md", 12),
        ("reviewers.md", 8),
        ("mappo_study.md", 14),
        ("mappo.md", 12),
        ("results.md", 20),
        ("markov_games.md", 4),
    ],
)
def test_every_measurement_of_a_page_is_in_the_report(page: str, least: int) -> None:
    # In tables a bar stands between value and interval.
    report = flat(REPORT.read_text()).replace(" | [", " [")
    quoted = MEASUREMENT.findall(flat((ROOT / "docs" / page).read_text()))
    assert len(quoted) >= least
    assert [each for each in quoted if each not in report] == []


def test_cells_that_a_page_counts_are_those_of_the_report() -> None:
    report = flat(REPORT.read_text())
    page = flat((ROOT / "docs" / "where_it_does_not_help.md").read_text())
    counted = re.findall(
        r"In `(\w+)`(, each at its best threshold)?: (fewer rounds in \d+ of \d+ cells)", page
    )
    assert len(counted) == 2
    for game, _, cells in counted:
        assert f"`{game}`, each at its best threshold: {cells}" in report
    for name, least in (("results.md", 2), ("markov_games.md", 1)):
        page = flat((ROOT / "docs" / name).read_text())
        counted = re.findall(r"in (\d+ of \d+ cells) of `(\w+)`", page)
        assert len(counted) == least
        for cells, game in counted:
            assert f"`{game}`, each at its best threshold: fewer rounds in {cells}" in report


def test_the_page_of_old_verdicts_has_them_as_they_were() -> None:
    page = (ROOT / "docs" / "old_verdicts.md").read_text()
    old = json.loads((ROOT / "docs" / "old_claims.json").read_text())
    for claim in old:
        assert f"| {claim['claim']} | {claim['verdict']} | {claim['settings']} |" in page
    measured = {line["measured"] for claim in old for line in claim["lines"]}
    for number in ("0.524", "0.599", "0.715", "0.0869", "0.989", "0.905", "0.632", "0.679"):
        assert number in measured
        assert number in page


def test_what_is_told_of_figures_that_are_gone_is_what_they_said() -> None:
    text = (ROOT / "docs" / "old_verdicts.md").read_text().partition("## Figures of MAPPO")[2]
    old = json.loads((ROOT / "docs" / "old_mappo.json").read_text())
    said = flat(" ".join(finding for each in old for finding in each["findings"]))
    quoted = MEASUREMENT.findall(flat(text))
    assert len(quoted) >= 15
    assert [each for each in quoted if each not in said] == []


def test_the_report_says_when_and_from_what_each_figure_was_made() -> None:
    report = REPORT.read_text()
    table = report.partition("## What was made when")[2].partition("\n## ")[0]
    for name in FIGURES:
        assert re.search(
            rf"\| `{name}` \| (full|quick) \| \d{{4}}-\d\d-\d\d from commit \w+", table
        )
    assert set(FIGURES) == set(paper_figures())


def test_every_file_that_the_published_pages_name_is_there() -> None:
    named = named_files(REPORT.parent)
    assert {f"{name}.png" for name in FIGURES} <= named
    assert {name for name in named if not (REPORT.parent / name).is_file()} == set()
    assert {path.name for path in REPORT.parent.glob("*.csv")} <= named
    assert (REPORT.parent / PAGE).stat().st_size < 500_000


@pytest.mark.parametrize("name", FIGURES)
def test_the_report_shows_every_figure_with_a_small_picture(name: str) -> None:
    picture = REPORT.parent / f"{name}.png"
    assert picture.stat().st_size < 200_000
    assert f"]({name}.png)" in REPORT.read_text()
