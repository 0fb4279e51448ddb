"""An algorithm of the user's own for networks: trained with, checked, and asked by `evaluate`."""

import sys
from pathlib import Path

import extending_page
import pytest

from marl_comm import evaluate
from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.runs.session import execute

SMALL = (
    *("game=pettingzoo", "game.environment=walkers:Meeting", "game.steps=10", "game.copies=4"),
    *("game.evaluation_every=2", "game.evaluation_copies=2", "max_local_steps=2", "logger=local"),
    *("num_seeds=2", "algorithm=own", "communication=periodic", "communication.period=2"),
)

ALGORITHMS = """\
from dataclasses import replace

import torch

from marl_comm.algorithms.algorithm import Stateless
from marl_comm.algorithms.networks import NetworkAlgorithm
from marl_comm.experience.network_bases import NetworkBases


class Current(Stateless, NetworkAlgorithm):
    reweighs, predictor = True, None

    def __init__(self, longest_round):
        self.longest_round = longest_round

    def plan(self, learner, rows):
        chunks = torch.full((len(rows),), self.longest_round)
        return NetworkBases.current(learner.parameters[rows], chunks)


class Foreseeing(Current):
    predictor = "crystal_ball"


class Nan(Current):
    def plan(self, learner, rows):
        plan = super().plan(learner, rows)
        return replace(plan, parameters=plan.parameters * torch.nan)


class Short(Current):
    def plan(self, learner, rows):
        plan = super().plan(learner, rows)
        return replace(plan, count=plan.count + 1)


class Fractions(Current):
    def plan(self, learner, rows):
        plan = super().plan(learner, rows)
        return replace(plan, count=plan.count.float())
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = extending_page.write_files(tmp_path / "outside")
    (files / "nets.py").write_text(ALGORITHMS)
    monkeypatch.syspath_prepend(files)
    yield files
    for name in ("nets", "walkers"):
        sys.modules.pop(name, None)


def test_it_is_trained_with_and_needed_by_evaluate(outside, tmp_path, monkeypatch, capsys) -> None:
    run = tmp_path / "run"
    execute(compose(*SMALL, "algorithm.class=nets:Current"), run)
    monkeypatch.setattr(sys, "argv", ["evaluate", str(run), "--episodes", "2"])
    assert evaluate.main() == 0
    assert "greedy" in capsys.readouterr().out
    sys.modules.pop("nets")
    (outside / "nets.py").unlink()
    assert evaluate.main() == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("error: algorithm.class=nets:Current: nets cannot be imported; ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Foreseeing", "predictor() must give None or one of extrapolate, momentum, rehearse"),
        ("Nan", "plan() must give finite floating-point numbers for parameters"),
        ("Short", "plan() must give a tensor of shape (2, 3, "),
        ("Fractions", "plan() must give an int64 tensor of shape (2,) for count"),
    ],
)
def test_a_wrong_plan_is_refused_in_one_line(outside, tmp_path, name, words) -> None:
    config = compose(*SMALL, f"algorithm.class=nets:{name}")
    with pytest.raises(InputError) as refused:
        execute(config, tmp_path / "run")
    assert str(refused.value).startswith(f"algorithm.class=nets:{name}: {words}")


def test_one_for_tables_is_refused_before_anything_is_made(outside) -> None:
    config = compose(*SMALL, "algorithm.class=plans:LastDisplacement")
    with pytest.raises(InputError, match=r"must be a subclass of .*NetworkAlgorithm"):
        config.ready()
