"""Commands that only tell what would be done; and flags in any place."""

import sys
from pathlib import Path

import pytest
import yaml

from marl_comm import run
from marl_comm.config.loading import load_saved

QUICK = ["logger=local", "max_local_steps=3", "samples_per_round=20"]


@pytest.fixture(autouse=True)
def _in_an_empty_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_process: None
) -> None:
    monkeypatch.chdir(tmp_path)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["marl_comm.run", *arguments])
    return run.main()


def test_a_dry_run_lists_the_jobs_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(monkeypatch, *QUICK, "seed=0,1", "num_seeds=4", "-m", "--dry-run") == 0
    told = capsys.readouterr().out
    assert told.count("not started") == 2
    assert "jobs: 2, 0 of them finished" in told
    assert not list(tmp_path.iterdir())
    assert command(monkeypatch, *QUICK, "seed=0", "num_seeds=4", "--dry-run") == 0
    assert "jobs: 1, 0 of them finished" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_dry_run_knows_what_is_finished(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "-m", *QUICK, "seed=0", "hydra.sweep.dir=here") == 0
    capsys.readouterr()
    swept = ["-m", *QUICK, "seed=0,1", "hydra.sweep.dir=here", "--dry-run"]
    assert command(monkeypatch, *swept) == 0
    assert "jobs: 2, 1 of them finished; left are about" in capsys.readouterr().out


def test_a_dry_run_refuses_what_a_run_would_refuse(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "-m", "seed=0,x", "--dry-run") == 2
    assert "seed=" in capsys.readouterr().err


def test_the_configuration_of_every_job_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(monkeypatch, *QUICK, "-m", "seed=3,5", "--cfg", "job") == 0
    shown = capsys.readouterr().out
    assert "# job 1: logger=local max_local_steps=3 samples_per_round=20 seed=5" in shown
    assert [job["seed"] for job in yaml.safe_load_all(shown)] == [3, 5]
    (tmp_path / "job.yaml").write_text(shown.split("---")[1])
    assert load_saved(tmp_path / "job.yaml").seed == 3
    assert command(monkeypatch, "-m", "seed=3,5", "--cfg", "hydra") == 2
    assert "only --cfg job" in capsys.readouterr().err


def test_flags_may_stand_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert command(monkeypatch, *QUICK, "seed=0,1", "-m") == 0
    assert command(monkeypatch, *QUICK, "-m", "seed=0,1") == 0
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    assert len(list(sweep.glob("*/summary.json"))) == 2
