"""What a run says at its end, and what its directory says of where it comes from."""

import json
import sys
from pathlib import Path

import pytest

import marl_comm
from marl_comm import resume
from marl_comm.command_line.composition import compose
from marl_comm.command_line.program import command_line, typed
from marl_comm.runs import session
from marl_comm.runs.again import refuse_difference
from marl_comm.runs.closing import closing_lines, result_of
from marl_comm.runs.session import execute

QUICK = ("num_seeds=2", "max_local_steps=3", "samples_per_round=20", "logger=local")


def test_a_finished_run_says_where_it_is_what_it_is_and_what_to_type_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    execute(compose(*QUICK), tmp_path / "run")
    (where, gap, cost, following) = closing_lines(tmp_path / "run")
    assert where == "results: run"
    seeds = json.loads((tmp_path / "run" / "summary.json").read_text())["seeds"]
    mean = sum(seed["nash_gap"] for seed in seeds) / 2
    assert gap.startswith(f"Nash gap: {mean:.3g}"[:14])
    assert "mean of 2 seeds" in gap
    assert cost == "cost per seed: 2.00 rounds, 3.00 local updates, 40 samples, 7.84 kB"
    assert following == "next: python -m marl_comm.compare run"


def test_without_a_gap_the_return_counts_and_one_seed_has_no_spread() -> None:
    assert result_of([{"evaluation_sampled_return": -3.25}]) == "return, summed over agents: -3.25"
    assert result_of([{"seed": 1}]) is None


def test_resuming_a_finished_run_says_so_and_quiet_says_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(compose(*QUICK, "quiet=true"), tmp_path / "run")
    said = capsys.readouterr()
    assert said.out + said.err == ""
    monkeypatch.setattr(sys, "argv", ["resume", str(tmp_path / "run")])
    assert resume.main() == 0
    said = capsys.readouterr()
    assert said.err == f"finished before: {tmp_path / 'run'}\n"
    assert said.out.startswith("results: ")
    monkeypatch.setattr(sys, "argv", ["resume", "--quiet", str(tmp_path / "run")])
    assert resume.main() == 0
    assert capsys.readouterr().out == ""
    # What a run says is no part of what it is.
    refuse_difference(tmp_path / "run" / "config.yaml", compose(*QUICK), "run")


def test_an_interrupted_run_names_the_command_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Asked(session.Interruption):
        def __enter__(self) -> "Asked":
            self._received = 2
            return self

    monkeypatch.setattr(session, "Interruption", Asked)
    with pytest.raises(KeyboardInterrupt) as interrupted:
        execute(compose(*QUICK), tmp_path / "a run")
    assert interrupted.value.left == (  # type: ignore[attr-defined]
        f"saved; to go on: python -m marl_comm.resume '{tmp_path / 'a run'}'"
    )


def test_a_run_directory_holds_version_commit_and_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/marl_comm/run.py", "seed=1", "a b", "\x1b[31m"])
    execute(compose(*QUICK), tmp_path / "run")
    origin = json.loads((tmp_path / "run" / "origin.json").read_text())
    assert origin["marl_comm"] == marl_comm.__version__
    assert origin["command"] == "python -m marl_comm.run seed=1 'a b' '\\x1b[31m'"
    assert origin.keys() == {"marl_comm", "commit", "directory_commit", "command"}


def test_commands_are_written_as_this_program_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed("wall-clock", "a b") == "python -m marl_comm.wall_clock 'a b'"
    monkeypatch.setattr(sys, "argv", ["marl-comm run", "seed=1"])
    assert typed("resume", "x") == "marl-comm resume x"
    assert command_line(sys.argv) == ["marl-comm", "run", "seed=1"]
    assert command_line(["/opt/mine.py", "x"]) == ["python", "/opt/mine.py", "x"]
