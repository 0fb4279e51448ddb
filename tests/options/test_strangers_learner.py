"""A learner that somebody adds to the package: what it has learned can be a run's start."""

import json
import subprocess
import sys
from pathlib import Path

import console
import numpy as np
import pytest
from test_extending_page import copy_of_the_package

LEARNER = '''\
"""Learns as npg does, and keeps its policies under a name and in a form of its own."""

from collections.abc import Iterator
from typing import Literal, final

import numpy as np

from marl_comm.experience import Estimation
from marl_comm.learners.npg.learner import NaturalPolicyGradient
from marl_comm.learners.npg.update_rule import UpdateRule
from marl_comm.learners.settings import TabularLearnerSettings
from marl_comm.rows import record


@final
class PreferringSettings(TabularLearnerSettings):
    name: Literal["preferring"]
    goes_on: bool

    begins_with = property(lambda self: ("preferences",) if self.goes_on else ())
    rounds_kept = property(lambda self: 1)
    by_stages = property(lambda self: False)

    def numbers_of_models(self, run):
        return 0

    def problems(self, run) -> Iterator[str]:
        yield from ()

    def build(self, run, game, algorithm):
        return Preferring(
            game.initial_log_policy(),
            rule=UpdateRule(1.0, 1e-10, None),
            exploration=0.0,
            estimation=Estimation("bounded", 10.0, True, 1),
            oracle=game,
        )


@record
class Preferring(NaturalPolicyGradient):
    def final_arrays(self, rows):
        return {"preferences": self.log_policy[rows]}

    def begin_from(self, arrays):
        self.log_policy = arrays["preferences"]
'''

SCRIPT = """\
from pathlib import Path
from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.runs.session import execute

chosen = ("learner=preferring", "algorithm=importance_sampling", "logger=local")
quick = (*chosen, "num_seeds=2", "max_local_steps=4", "quiet=true")
execute(compose(*quick), Path("first"))
execute(compose(*quick, "start_from=first"), Path("second"))
for more in ("learner.goes_on=false", "learner=npg"):
    try:
        execute(compose(*quick, more, "start_from=first"), Path("third"))
    except InputError as error:
        print(error)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Where the runs are, and what the refused ones were told."""
    place = tmp_path_factory.mktemp("stranger")
    copy = copy_of_the_package(place / "copy")
    (copy / "marl_comm/learners/preferring.py").write_text(LEARNER)
    (copy / "configs/learner/preferring.yaml").write_text("name: preferring\ngoes_on: true\n")
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=place,
        env={**console.environment(), "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return place, ended.stdout.splitlines()


def test_it_says_itself_which_of_its_arrays_are_a_start(said: tuple[Path, list[str]]) -> None:
    place, _ = said
    with np.load(place / "first/final.npz") as final, np.load(place / "second/start.npz") as start:
        assert {*start} == {"preferences", "life"}
        np.testing.assert_array_equal(start["preferences"], final["preferences"])
    first, second = (
        [json.loads(line) for line in (place / name / "metrics.jsonl").open()]
        for name in ("first", "second")
    )
    for end, begin in zip(first[-2:], second[:2], strict=True):
        assert begin["value"] == pytest.approx(end["value"], abs=1e-12)


def test_one_that_cannot_go_on_is_refused_in_one_line(said: tuple[Path, list[str]]) -> None:
    place, (refused, other) = said
    assert refused == (
        "start_from=first: learner=preferring cannot go on with what another run has learned; "
        "set start_from=null"
    )
    assert other.startswith("start_from=first: has learner=preferring, and this run learner=npg")
    assert not (place / "third").exists()
