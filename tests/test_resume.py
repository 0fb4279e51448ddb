"""Runs that are interrupted and resumed, through the commands."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from wandb_reader import read

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.runs.session import execute, resume
from marl_comm.storage.checkpoints import Checkpoints
from marl_comm.storage.digests import read_summary

SETTINGS = (
    "communication=missing",
    "game.reward_noise=0.1",
    "num_seeds=5",
    "samples_per_round=400",
    "max_local_steps=1500",
    "metrics.every=3",
    "logger=local",
    "checkpoint_seconds=0.02",
)
COMPARED = ("metrics.jsonl", "final.npz", "summary.json", "config.yaml")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("uninterrupted") / "run"
    execute(compose(*SETTINGS), directory)
    return directory


def start(directory: Path, *overrides: str) -> subprocess.Popen[str]:
    command = ["-m", "marl_comm.run", *SETTINGS, *overrides, f"hydra.run.dir={directory}"]
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not (directory / "checkpoints").exists() or len(saved(directory)) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the run saved nothing"
        time.sleep(0.005)
    return process


def saved(directory: Path) -> list[Path]:
    return sorted((directory / "checkpoints").glob("checkpoint_*.bin"), key=os.path.getmtime)


def assert_equal(directory: Path, other: Path) -> None:
    for name in COMPARED:
        assert (directory / name).read_bytes() == (other / name).read_bytes(), name
    assert not (directory / "checkpoints").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_run_which_then_goes_on(tmp_path, uninterrupted, number):
    process = start(tmp_path / "run")
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert errors.splitlines()[-1].startswith(f"interrupted by {number.name}: saved")
    assert not (tmp_path / "run" / "summary.json").exists()
    resumed = subprocess.run(
        [sys.executable, "-m", "marl_comm.resume", str(tmp_path / "run")], check=False
    )
    assert resumed.returncode == 0
    assert_equal(tmp_path / "run", uninterrupted)


def interrupted(directory: Path) -> Checkpoints:
    process = start(directory)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    return Checkpoints(directory)


def test_other_versions_of_libraries_are_warned_of(tmp_path, uninterrupted, caplog):
    checkpoints = interrupted(tmp_path / "run")
    state = checkpoints.load_latest()
    state["versions"]["numpy"] = "0.1"
    checkpoints.save(state["loop"]["local_step"], state)
    resume(tmp_path / "run")
    (warning,) = [record.message for record in caplog.records if "bytes" in record.message]
    assert "with numpy 0.1 -> " in warning
    assert_equal(tmp_path / "run", uninterrupted)


def test_a_checkpoint_of_another_make_is_refused_in_one_line(tmp_path):
    checkpoints = interrupted(tmp_path / "run")
    state = checkpoints.load_latest()
    del state["recorder"]
    checkpoints.save(state["loop"]["local_step"], state)
    with pytest.raises(InputError, match="another version of marl_comm"):
        resume(tmp_path / "run")
    assert checkpoints.latest() is not None


@pytest.mark.parametrize(
    "game",
    [
        ("game=random_markov",),
        ("game=markov_congestion", "algorithm=importance_sampling"),
        ("game=random_markov", "samples_per_round=null", "game.reward_noise=0.0"),
        ("game=random_markov", "learner.reuse=3"),
        ("learner.reuse=all", "communication.max_rounds=20", "samples_per_round=20"),
    ],
    ids=["sampled", "discounted", "exact", "reusing_some", "reusing_all"],
)
def test_a_killed_run_of_any_kind_ends_as_if_it_had_not_been(tmp_path, game):
    execute(compose(*SETTINGS, *game), tmp_path / "left_alone")
    process = start(tmp_path / "run", *game)
    process.kill()
    process.communicate()
    resume(tmp_path / "run")
    assert_equal(tmp_path / "run", tmp_path / "left_alone")


def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path, uninterrupted):
    process = start(tmp_path / "run")
    process.kill()
    process.communicate()
    resume(tmp_path / "run")
    assert_equal(tmp_path / "run", uninterrupted)


def test_a_damaged_checkpoint_costs_time_not_the_run(tmp_path, uninterrupted, caplog):
    process = start(tmp_path / "run")
    process.kill()
    process.communicate()
    latest = max(saved(tmp_path / "run"), key=lambda file: int(file.stem.split("_")[1]))
    latest.write_bytes(latest.read_bytes()[:-100])
    resume(tmp_path / "run")
    assert f"{latest.name} is damaged" in caplog.text
    assert_equal(tmp_path / "run", uninterrupted)


@pytest.mark.parametrize(
    "overrides",
    [
        ("algorithm=base_policy_prediction", "communication=adaptive"),
        ("algorithm=base_policy_prediction", "algorithm.predictor=rehearse"),
        ("learner.estimator=doubly_robust", "learner.reuse=2", "communication=noise"),
        ("learner.estimator=doubly_robust", "algorithm.predictor=model"),
        ("learner.estimator=doubly_robust", "learner.reuse=2", "game=random_markov"),
        ("learner.estimator=joint", "communication=noise"),
        ("algorithm.predictor=last_gradient", "communication=changing_condition"),
        ("algorithm.predictor=oracle", "communication=periodic"),
        ("learner.stages=backward", "game=random_markov"),
        ("algorithm/prediction=paper", "communication=periodic", "game=random_markov"),
        ("algorithm=importance_sampling", "samples_per_round=null", "communication=periodic"),
        ("algorithm=full_communication", "game=congestion", "communication=unlimited"),
        ("algorithm=stale", "game=random_potential", "communication.max_rounds=3"),
        ("metrics.stop_at_smallest_gap=true", "metrics.gap_thresholds=[0.02]"),
    ],
)
def test_every_algorithm_resumes_exactly(tmp_path, monkeypatch, overrides):
    """Interrupted after each of a few local updates in turn, so chance does not choose when."""
    settings = (*SETTINGS[1:4], "max_local_steps=40", "logger=local", *overrides)
    if "samples_per_round=null" in overrides:
        settings = tuple(s for s in settings if "reward_noise" not in s and "=400" not in s)
    config = compose(*settings)
    execute(config, tmp_path / "whole")

    class EndedError(Exception):
        pass

    for steps in (1, 7, 12, 30):
        directory = tmp_path / f"ended_after_{steps}"
        remaining = steps
        original = Checkpoints.save

        def save_and_end(self, local_step, state, original=original):
            nonlocal remaining
            remaining -= 1
            if remaining == 0:
                original(self, local_step, state)
                raise EndedError

        with monkeypatch.context() as patch:
            patch.setattr(Checkpoints, "save", save_and_end)
            always = config.model_copy(update={"checkpoint_seconds": 1e-9})
            with contextlib.suppress(EndedError):
                execute(always, directory)
        resume(directory)
        for name in COMPARED[:2]:
            assert (directory / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        assert read_summary(directory)["seeds"] == read_summary(tmp_path / "whole")["seeds"]


def test_a_finished_run_is_left_alone(tmp_path, uninterrupted):
    before = {file: file.read_bytes() for file in uninterrupted.iterdir() if file.is_file()}
    objective = resume(uninterrupted)
    summary = json.loads((uninterrupted / "summary.json").read_text())
    gaps = [seed["nash_gap"] for seed in summary["seeds"]]
    assert objective == pytest.approx(sum(gaps) / len(gaps))
    assert {file: file.read_bytes() for file in uninterrupted.iterdir()} == before


def test_what_is_no_run_is_refused_in_one_line(tmp_path, capsys):
    with pytest.raises(InputError, match="holds no run"):
        resume(tmp_path)
    (tmp_path / "config.yaml").write_text("seed: -1\n")
    with pytest.raises(InputError) as error:
        resume(tmp_path)
    assert "\n" not in str(error.value)


def test_after_a_resume_wandb_has_one_complete_curve(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    directory = tmp_path / "run"
    process = start(directory, "logger=wandb", "logger.mode=offline")
    process.kill()
    process.communicate()
    (broken,) = (directory / "wandb").glob("offline-run-*/run-*.wandb")
    subprocess.run([sys.executable, "-m", "marl_comm.resume", str(directory)], check=True)
    (whole,) = (directory / "wandb").glob("offline-run-*/run-*.wandb")
    assert whole.name == broken.name, "the W&B run must keep its id"
    curve = read(directory).curve("by_local_step", "local_step", "nash_gap")
    assert [step for step, _ in curve] == list(range(0, 1501, 3))

    subprocess.run(
        [sys.executable, "-m", "marl_comm.sync", "--mode", "offline", str(directory)], check=True
    )
    assert read(directory).curve("by_local_step", "local_step", "nash_gap") == curve
    assert read(directory).exit_codes == [0]


def test_two_processes_cannot_resume_one_run(tmp_path):
    process = start(tmp_path / "run", "max_local_steps=1000000")
    with pytest.raises(InputError, match="another process is at work"):
        resume(tmp_path / "run")
    process.kill()
    process.communicate()
