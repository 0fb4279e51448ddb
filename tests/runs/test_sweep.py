"""Sweeps that are launched again, at once, or with changed files: through the command."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from marl_comm.command_line.composition import CONFIG_DIRECTORY

QUICK = ("logger=local", "samples_per_round=20", "max_local_steps=20", "game.agents=3")


def launch(directory: Path, *overrides: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(directory, *overrides), capture_output=True, text=True, **options)


def command(directory: Path, *overrides: str) -> list[str]:
    sweep = f"hydra.sweep.dir={directory}"
    return [sys.executable, "-m", "marl_comm.run", "-m", *QUICK, *overrides, sweep]


def jobs(directory: Path) -> dict[str, Path]:
    return {
        yaml.safe_load(file.read_text())["seed"]: file.parent
        for file in directory.glob("*/config.yaml")
    }


def content(directory: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in directory.glob("*/*") if file.is_file()}


def times(directory: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in directory.glob("*/summary.json")}


def test_launched_again_a_sweep_does_only_what_is_missing(tmp_path):
    sweep = tmp_path / "sweep"
    assert launch(sweep, "seed=0,1,2").returncode == 0
    before, made = content(sweep), times(sweep)
    assert len(jobs(sweep)) == 3

    shutil.rmtree(jobs(sweep)[0])
    (jobs(sweep)[1] / "summary.json").unlink()  # as if it had been killed at the very end
    again = launch(sweep, "seed=0,1,2")
    assert again.returncode == 0
    assert content(sweep) == before
    untouched = jobs(sweep)[2] / "summary.json"
    assert times(sweep)[untouched] == made[untouched]
    assert again.stderr.count("finished before") == 1
    assert again.stderr.count("│ finished") == 3


def test_the_default_directory_is_named_by_the_overrides(tmp_path):
    quick = [sys.executable, "-m", "marl_comm.run", "-m", *QUICK, "seed=3,4"]
    for _ in range(2):
        subprocess.run(quick, cwd=tmp_path, check=True, capture_output=True)
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    assert "seed=3,4" in sweep.name
    assert {job.name.rpartition(",")[2] for job in sweep.glob("*seed=*")} == {"seed=3", "seed=4"}


def test_a_job_of_another_configuration_is_refused_before_anything_starts(tmp_path):
    sweep = tmp_path / "sweep"
    assert launch(sweep, "seed=0,1").returncode == 0
    saved = jobs(sweep)[1] / "config.yaml"
    saved.write_text(saved.read_text().replace("step_size: 2.0", "step_size: 0.5"))
    shutil.rmtree(jobs(sweep)[0])
    refused = launch(sweep, "seed=0,1")
    assert refused.returncode == 2
    assert (
        "learner.step_size=0.5, and this sweep would have learner.step_size=2.0" in refused.stderr
    )
    assert list(jobs(sweep)) == [1]


def test_what_is_in_the_way_of_a_job_is_told_before_anything_starts(tmp_path):
    sweep = tmp_path / "sweep"
    assert launch(sweep, "seed=0,1,2").returncode == 0
    broken = jobs(sweep)[1]
    shutil.rmtree(broken)
    broken.write_text("in the way")
    failed = launch(sweep, "seed=0,1,2")
    assert failed.returncode == 2
    assert failed.stderr.count("is in the way of a job") == 1
    broken.unlink()
    assert launch(sweep, "seed=0,1,2").returncode == 0
    assert json.loads((broken / "summary.json").read_text())["status"] == "finished"


def test_the_error_of_a_job_is_on_the_console_in_its_log_and_in_the_table(tmp_path):
    """The second job's files may not grow beyond 20 KB; the others are shorter."""
    sweep = tmp_path / "sweep"
    script = (
        "import resource, signal, sys; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
        "from marl_comm.run import main; sys.exit(main())"
    )
    overrides = ["seed=0", "max_local_steps=5,500,6", f"hydra.sweep.dir={sweep}"]
    finished = subprocess.run(
        [sys.executable, "-c", script, "-m", *QUICK, *overrides],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert "error: cannot write" in finished.stderr
    (log,) = sweep.glob("*/error.txt")
    assert "File too large" in log.read_text()
    table = finished.stderr[finished.stderr.index("job") :]
    assert table.count("│ finished") == 2
    assert table.count("failed: ") == 1
    assert launch(sweep, "seed=0", "max_local_steps=5,500,6").returncode == 0
    assert not list(sweep.glob("*/error.txt"))
    assert len(list(sweep.glob("*/summary.json"))) == 3


def test_files_changed_during_a_sweep_change_none_of_its_jobs(tmp_path):
    configs = tmp_path / "configs"
    shutil.copytree(CONFIG_DIRECTORY, configs)
    game = configs / "game" / "mine.yaml"
    game.write_text((configs / "game" / "coverage.yaml").read_text())
    sweep = tmp_path / "sweep"
    arguments = command(sweep, "seed=0,1,2,3", "game=mine", "max_local_steps=3000")
    process = subprocess.Popen([*arguments, "--config-dir", str(configs)])
    deadline = time.monotonic() + 30
    while not list(sweep.glob("*/config.yaml")):
        assert time.monotonic() < deadline, "no job was started"
        time.sleep(0.01)
    game.write_text(game.read_text().replace("reward_noise: 0.0", "reward_noise: 0.7"))
    assert "0.7" in game.read_text()
    assert process.wait(timeout=60) == 0
    configurations = [yaml.safe_load(f.read_text()) for f in sweep.glob("*/config.yaml")]
    assert [config["game"]["reward_noise"] for config in configurations] == 4 * [0.0]


def test_two_launches_at_once_run_each_job_once(tmp_path):
    sweep = tmp_path / "sweep"
    arguments = command(sweep, "seed=0,1,2", "max_local_steps=300")
    both = [
        subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    alone = tmp_path / "alone"
    assert launch(alone, "seed=0,1,2", "max_local_steps=300").returncode == 0
    for seed, job in jobs(sweep).items():
        for name in ("metrics.jsonl", "final.npz", "summary.json"):
            assert (job / name).read_bytes() == (jobs(alone)[seed] / name).read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path, number):
    sweep = tmp_path / "sweep"
    arguments = command(sweep, "seed=0,1", "max_local_steps=100000")
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not list(sweep.glob("*/metrics.jsonl")):
        assert time.monotonic() < deadline, "no job was started"
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "unfinished" in errors
    assert "not started" in errors
    assert list(sweep.glob("*/checkpoints/*.bin"))


def test_jobs_that_are_named_by_number_keep_their_names(tmp_path):
    """A job that is launched alone is the first of its launch, and not the first of the sweep."""
    sweep = tmp_path / "sweep"
    numbered = ("seed=5,6,7", "hydra.sweep.subdir=${hydra:job.num}-${game.name}")
    assert launch(sweep, *numbered).returncode == 0
    before, made = content(sweep), times(sweep)
    assert jobs(sweep)[7].name == "2-coverage"
    shutil.rmtree(jobs(sweep)[7])
    again = launch(sweep, *numbered)
    assert again.returncode == 0
    assert "finished before: 2 of 3 jobs" in again.stderr
    assert content(sweep) == before
    assert {file for file, time in times(sweep).items() if made[file] != time} == {
        sweep / "2-coverage" / "summary.json"
    }


def test_trials_are_listed_with_their_objectives_and_the_same_command_goes_on(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    sweep = tmp_path / "sweep"
    searched = (
        "hydra/sweeper=optuna_tpe",
        "hydra.sweeper.n_trials=4",
        "learner.step_size=interval(0.5,4.0)",
        "metrics.objective=rounds_to:0.03",
    )
    first = launch(sweep, *searched)
    assert first.returncode == 0, first.stderr
    table = first.stderr[first.stderr.index("objective") :]
    assert table.count("│ finished") == 4
    before, made = content(sweep), times(sweep)
    again = launch(sweep, *searched)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("finished before") == 4
    assert content(sweep) == before
    assert times(sweep) == made
