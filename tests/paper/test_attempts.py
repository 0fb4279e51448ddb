"""The attempts to overturn that docs/claims.md lists can be made again, and come out as it says."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from marl_comm.analysis.interquartile import interquartile_mean
from marl_comm.analysis.runs import load_run
from marl_comm.command_line.composition import compose
from marl_comm.runs.session import execute

PAGE = (Path(__file__).parents[2] / "docs" / "claims.md").read_text()
SECTION = PAGE.partition("## Attempts to overturn")[2]
ROWS = {line.split("|")[1].strip(): line for line in SECTION.splitlines() if line.startswith("| ")}
COMMANDS = [
    tuple(line.split(maxsplit=1))
    for line in SECTION.partition("```\n")[2].partition("```")[0].splitlines()
]
# A comma between values of a sweep, not within a list.
COMMA = re.compile(r",(?![^\[]*\])")


def swept(command: str) -> list[list[str]]:
    """Return what is typed for every job of a sweep."""
    axes = []
    for typed in command.split():
        key, _, values = typed.partition("=")
        axes.append([f"{key}={value}" for value in COMMA.split(values)])
    return [list(job) for job in itertools.product(*axes)]


def costs(tmp_path: Path, overrides: list[str], field: str) -> np.ndarray:
    execute(compose(*overrides, "logger=local"), tmp_path / "run")
    reached = [seed.summary.reached[0.003] for seed in load_run(tmp_path / "run").seeds]
    return np.array([np.inf if each is None else getattr(each, field) for each in reached])


@pytest.mark.parametrize(("number", "command"), COMMANDS)
def test_every_command_of_an_attempt_is_understood(number: str, command: str) -> None:
    for each in number.split("-"):
        assert each in ROWS
    jobs = swept(command)
    for job in (jobs[0], jobs[-1]):
        compose(*job)


@pytest.mark.parametrize(("place", "samples"), [(0, 50), (1, 100)])
def test_samples_to_the_gap_with_few_a_round_are_those_that_are_said(tmp_path, place, samples):
    command = [command for number, command in COMMANDS if number == "11"][place]
    found = float(interquartile_mean(costs(tmp_path, swept(command)[0], "samples")))
    assert f"{found / samples:.1f} " in ROWS["11"]
    assert f" {found:.0f}" in ROWS["11"]
    assert f" {found:.0f}" in (Path(__file__).parents[2] / "README.md").read_text()


def test_with_all_data_kept_as_many_games_fail_as_is_said(tmp_path):
    command = next(command for number, command in COMMANDS if number == "3")
    (job,) = [
        job
        for job in swept(command)
        if {"learner.estimator=self_normalised", "learner.reuse=all"} < set(job)
        and "game.reward_noise=0.0" in job
    ]
    execute(compose(*job, "logger=local"), tmp_path / "run")
    gaps = [seed.metrics["nash_gap"][-1] for seed in load_run(tmp_path / "run").seeds]
    assert f"of 40 fail {sum(gap > 0.05 for gap in gaps)} instead of 15," in ROWS["3"]
