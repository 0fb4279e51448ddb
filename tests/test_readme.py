"""The README's first numbers are those of the pages that they are from, or of runs."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from marl_comm.analysis.estimates import Estimate, median
from marl_comm.analysis.interquartile import interquartile_mean
from marl_comm.command_line.composition import compose
from marl_comm.paper.tuning.page import documents
from marl_comm.paper.tuning.table import ratio_between, values
from marl_comm.runs.session import execute

ROOT = Path(__file__).parents[1]
README = " ".join((ROOT / "README.md").read_text().split())
MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def test_failures_of_the_estimators_are_those_of_their_page() -> None:
    page = (ROOT / "docs" / "estimators.md").read_text()
    said = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].startswith("8 "):
            said[cells[1].strip("`"), cells[2]] = int(cells[-1])
    sampling = said["self_normalised", "importance sampling"]
    predicting = said["self_normalised", "base-policy prediction"]
    assert f"fails in {sampling} of 40 games with self-normalised weights" in README
    assert f"prediction in {predicting};" in README
    assert said["bounded", "importance sampling"] == said["bounded", "base-policy prediction"] == 0


def test_what_is_saved_at_best_is_what_the_searches_found() -> None:
    quiet = [
        each["algorithms"]
        for each in documents(ROOT / "docs" / "tuned")
        if "noise" not in each["problem"] and each["cost"] == "round"
    ]

    def ratios(one: str, other: str) -> list[Estimate]:
        pairs = [ratio_between(each, one, other) for each in quiet]
        return [pair for pair in pairs if pair is not None]

    line = [pair.value for pair in ratios("prediction_line", "importance_sampling")]
    assert f"{min(line):.2f} to {max(line):.2f} times the rounds" in README
    numbers = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert f"in any of the {numbers[len(line)]} tabular games" in README
    assert len(line) == len(quiet)
    perfect = [pair for pair in ratios("prediction_oracle", "importance_sampling") if pair.high < 1]
    assert f"a fifth to two fifths in {numbers[len(perfect)]} of them" in README
    assert all(0.58 < pair.value <= 0.8 for pair in perfect)
    model = ratios("model_alone", "importance_sampling")
    assert min(pair.value for pair in model) < 0.6
    assert max(pair.low for pair in model) > 1
    bases = [pair for pair in ratios("doubly_robust_model", "doubly_robust") if pair.high < 1]
    assert f"save rounds in {numbers[len(bases)]} game, `graph`" in README


def test_full_communication_at_its_best_is_told_beside_the_table() -> None:
    (coverage,) = [
        each
        for each in documents(ROOT / "docs" / "tuned")
        if (each["problem"], each["cost"]) == ("coverage_12x6", "round")
    ]
    best = interquartile_mean(values(coverage["algorithms"]["full_communication"]))
    assert f"at its best full communication needs {float(best):g} rounds" in README


def test_failures_with_noise_are_those_of_their_page() -> None:
    page = " ".join((ROOT / "docs" / "estimators.md").read_text().split())
    bounded = re.search(r"sampling fails in (\d+) of 40 games and prediction in (\d+);", page)
    normalised = re.search(r"with self-normalised weights (\d+) and (\d+) fail", page)
    assert bounded is not None
    assert normalised is not None
    first, second = (" and ".join(found.groups()) for found in (normalised, bounded))
    assert f"{first} fail with self-normalised weights, {second} with `bounded`" in README


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        ("importance_sampling", "importance sampling"),
        ("base_policy_prediction", "base-policy prediction"),
        ("full_communication", "full communication"),
    ],
)
def test_the_table_of_make_run_is_what_it_prints(tmp_path, algorithm, name) -> None:
    played = MAKEFILE.partition("PLAYED :=")[2].partition("\n")[0]
    overrides = [*shlex.split(played), f"algorithm={algorithm}", "logger=local"]
    if algorithm == "full_communication":
        overrides += ["max_local_steps=2000", "learner.step_size=null", "learner.reuse=all"]
        assert " ".join(overrides[-3:]) in MAKEFILE.replace(" \\\n\t ", "")
    else:
        overrides.append("experiment=recommended")
    execute(compose(*overrides), tmp_path / "run")
    seeds = json.loads((tmp_path / "run" / "summary.json").read_text())["seeds"]
    rounds = median(np.array([seed["reached"]["0.003"]["round"] for seed in seeds], dtype=float))
    interval = f"[{rounds.low:g}, {rounds.high:g}]"
    row = f"| {name} | {rounds.value:g} {interval} | {1000 * rounds.value:,.0f} |"
    assert row in README
