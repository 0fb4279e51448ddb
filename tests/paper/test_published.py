"""Figures made now stand beside those published earlier, and are judged together."""

import json
import math
from dataclasses import replace
from pathlib import Path

from marl_comm.analysis.estimates import Estimate
from marl_comm.paper.figure import paper_figures
from marl_comm.paper.published import publish, published
from marl_comm.paper.report import Section, command_of_figure
from marl_comm.paper.rules import Evidence


def section(name: str, folder: Path, value: float, made: str, *evidence: Evidence) -> Section:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.png").write_bytes(f"{name} {value}".encode())
    (folder / f"{name}.csv").write_text("panel,y\n")
    return Section(
        name=name,
        title=f"title of {name}",
        caption="caption",
        scale="full",
        commands=("command",),
        runs=3,
        seeds="seeds 0 to 7",
        estimators="bounded",
        made=made,
        findings=(f"finding {value}",),
        evidence=evidence,
    )


def arrivals(value: float) -> Evidence:
    return Evidence("markov_arrivals", "random_markov", Estimate(value, value, value))


def verdicts(target: Path) -> dict[str, str]:
    claims = json.loads((target / "claims.json").read_text())
    return {claim["claim"]: claim["verdict"] for claim in claims}


def test_a_figure_replaces_its_own_earlier_form_and_leaves_the_others(tmp_path: Path) -> None:
    pictures, target = tmp_path / "pictures", tmp_path / "docs"
    exponent = Evidence(
        "exponent_samples", "coverage", Estimate(3.5, 3.0, math.inf), rival=Estimate(2.0, 1.0, 2.5)
    )
    old = [
        section("markov_gap", pictures, 0.5, "2026-01-01 from commit old", arrivals(0.5)),
        section("rates", pictures, 1.0, "2026-01-01 from commit old", exponent),
    ]
    publish(old, pictures, target)
    assert verdicts(target)["4"] == "does not hold"
    publish(
        [section("markov_gap", pictures, 0.9, "2026-02-02 from commit new", arrivals(0.9))],
        pictures,
        target,
    )
    assert verdicts(target)["4"] == "holds partly"
    assert verdicts(target)["3b"] == "does not hold"
    page = (target / "README.md").read_text()
    assert "| `markov_gap` | full | 2026-02-02 from commit new | bounded | seeds 0 to 7 |" in page
    assert "| `rates` | full | 2026-01-01 from commit old |" in page
    assert "finding 0.9" in page
    assert "finding 0.5" not in page
    assert (target / "markov_gap.png").read_bytes() == b"markov_gap 0.9"
    assert [each.name for each in published(target)] == ["rates", "markov_gap"]
    # What a figure is called follows the code; what it measured does not.
    assert published(target)[0] == replace(old[1], title=paper_figures()["rates"].title)
    assert '<img alt="' in (target / "report.html").read_text()


def test_what_no_claim_asks_for_any_more_is_left_out(tmp_path: Path) -> None:
    pictures, target = tmp_path / "pictures", tmp_path / "docs"
    forgotten = [
        Evidence("criterion of old", "coverage", Estimate(1.0)),
        Evidence("markov_arrivals", "setting of old", Estimate(1.0)),
    ]
    made = section("markov_gap", pictures, 1.0, "then", arrivals(0.9), *forgotten)
    publish([made, section("figure of old", pictures, 1.0, "then")], pictures, target)
    assert [each.name for each in published(target)] == ["markov_gap"]
    assert published(target)[0].evidence == (arrivals(0.9),)


def test_what_is_computed_without_runs_says_so(tmp_path: Path) -> None:
    made = replace(section("drift", tmp_path, 1.0, "2026-01-01 from commit old"), runs=0)
    assert made.origin.startswith("Computed on 2026-01-01 from commit old, seeds 0 to 7")
    assert "made on" not in made.origin


def test_a_figure_made_on_a_gpu_is_made_anew_by_a_command_that_says_so(tmp_path: Path) -> None:
    made = section("paper_mpe_listener", tmp_path, 1.0, "then")
    again = "python scripts/reproduce_figures.py paper_mpe_listener --scale full"
    assert command_of_figure(made) == again
    made = replace(made, commands=("command learner.device=cuda",))
    assert command_of_figure(made) == f"{again} --device cuda"


def test_publishing_nothing_new_changes_nothing(tmp_path: Path) -> None:
    pictures, target = tmp_path / "pictures", tmp_path / "docs"
    publish([section("rates", pictures, 1.0, "then")], pictures, target)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    publish([], pictures, target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
