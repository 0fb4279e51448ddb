"""Odd labels in shared runs, full and closed consoles, read-only folders, odd arguments."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_runs import write_run

from marl_comm import compare, resume, wall_clock
from marl_comm.command_line.composition import compose
from marl_comm.runs import sweep
from marl_comm.runs.session import execute

QUICK = (
    "game.agents=2",
    "num_seeds=1",
    "samples_per_round=20",
    "max_local_steps=2",
    "logger=local",
)
ROOT = Path(__file__).parents[1]
LABELS = ["$\\frac{$", "[/red]", "\x1b[31mred", "_hidden", ":smile:", "a\nb", "\u202egnp", "$x$"]


@pytest.mark.parametrize("label", LABELS, ids=ascii)
def test_labels_of_any_kind_are_printed_and_drawn_as_they_are(tmp_path, capsys, label):
    write_run(tmp_path / "[/red]", settings={"algorithm.name": label})
    write_run(tmp_path / "b")
    assert compare.main([str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    assert wall_clock.main([str(tmp_path)]) == 0
    printed = capsys.readouterr()
    for character in printed.out + printed.err:
        assert character.isprintable() or character == "\n"
    if label.isprintable():
        assert label in printed.out
    assert "importance_sampling" in printed.out


@pytest.mark.parametrize("command", ["compare", "wall_clock"])
@pytest.mark.parametrize("console", ["full", "closed", "left"])
def test_a_console_that_takes_nothing_costs_one_line_at_most(tmp_path, command, console):
    write_run(tmp_path / "a")
    words = f"{sys.executable} -m marl_comm.{command} {tmp_path / 'a'}"
    into = {"full": "> /dev/full", "closed": ">&-", "left": "| true"}[console]
    done = subprocess.run(
        ["bash", "-c", f"cd {tmp_path}; PYTHONPATH={ROOT} {words} {into}"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1
    assert done.returncode == (1 if console == "full" else 0)


@pytest.fixture
def nobody() -> Iterator[None]:
    """The user is not the superuser, whom permissions do not stop."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def read_only(monkeypatch) -> Iterator[Path]:
    """A finished job, with its sweep, in folders that cannot be written."""
    monkeypatch.setattr(sweep, "launched", [])
    with tempfile.TemporaryDirectory() as name:
        job = Path(name) / "sweep" / "job"
        config = compose(*QUICK)
        sweep.plan(job.parent, {"job": sweep.SweepJob(config, ())})
        sweep.play_job(config, job)
        Path(name).chmod(0o755)
        folders = (job, job.parent / "plan", job.parent)
        for folder in folders:
            folder.chmod(0o555)
        yield job
        for folder in folders:
            folder.chmod(0o755)


def test_finished_runs_in_read_only_folders_leave_nothing_to_do(read_only, monkeypatch, nobody):
    monkeypatch.setattr(sys, "argv", ["resume", str(read_only)])
    assert resume.main() == 0
    sweep.plan(read_only.parent, {"job": sweep.SweepJob(compose(*QUICK), ())})
    sweep.play_job(compose(*QUICK), read_only)


def test_an_old_checkpoint_that_cannot_be_removed_costs_a_line_not_the_run(
    tmp_path, monkeypatch, caplog
):
    unlink = Path.unlink

    def stubborn(self, missing_ok=False):
        if self.name.startswith("checkpoint_"):
            raise OSError(5, "Input/output error")
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", stubborn)
    execute(compose(*QUICK, "checkpoint_seconds=1e-9"), tmp_path / "run")
    assert (tmp_path / "run" / "summary.json").exists()
    assert "cannot remove" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["seed=0,1", "-m"], 0, "finished"),
        (["seed=0,1", "-m", "num_seeds=2"], 0, "finished"),
        (["-m", "seed=0,1", "--cfg", "job"], 0, ""),
        (["hydra.output_subdir="], 2, "error: hydra.output_subdir=: must be"),
        (["hydra.output_subdir=../x"], 2, "error: hydra.output_subdir=../x: must be"),
        (["hydra.run.dir=${nope:3}"], 2, "error: hydra.run.dir: Unsupported"),
        (["-m", "hydra.sweep.dir=${nope:3}"], 2, "error: hydra.sweep.dir: Unsupported"),
    ],
)
def test_arguments_stand_in_any_order_and_odd_ones_are_one_line(tmp_path, arguments, code, told):
    done = subprocess.run(
        [sys.executable, "-m", "marl_comm.run", *QUICK, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    if code:
        assert len(done.stderr.splitlines()) == 1
        assert list(tmp_path.iterdir()) == []
