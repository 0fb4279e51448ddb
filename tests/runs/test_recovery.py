"""From what a run goes on whose files are damaged, shortened, exchanged or links."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from marl_comm.command_line.composition import compose
from marl_comm.errors import DamagedError, InputError
from marl_comm.loggers import MultiLogger
from marl_comm.runs import sweep
from marl_comm.runs.interruption import Interrupted, Interruption, raise_unanswered
from marl_comm.runs.session import execute, resume
from marl_comm.storage.checkpoints import Checkpoints
from marl_comm.storage.configurations import read_configuration
from marl_comm.storage.digests import read_summary

SETTINGS = (
    "game.agents=2",
    "num_seeds=2",
    "samples_per_round=20",
    "max_local_steps=6",
    "logger=local",
    "checkpoint_seconds=1e-9",
)
RESULTS = ("config.yaml", "metrics.jsonl", "final.npz", "summary.json")


class EndedError(Exception):
    """A run was broken off on purpose."""


def broken_off(directory: Path, monkeypatch: pytest.MonkeyPatch, *overrides: str) -> Path:
    """A run that has ended after its fourth local update, with checkpoints of the last two."""
    save = Checkpoints.save

    def save_and_end(self, step, state):
        save(self, step, state)
        if step == 4:
            raise EndedError

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_and_end)
        with pytest.raises(EndedError):
            execute(compose(*SETTINGS, *overrides), directory)
    return directory


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    return broken_off(tmp_path / "run", monkeypatch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("whole") / "run"
    execute(compose(*SETTINGS), directory)
    return directory


def content(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in RESULTS}


@pytest.mark.parametrize("bytes_lost", [1, 400, 10**6], ids=["a byte", "a step", "all"])
def test_a_log_shorter_than_its_checkpoint_is_told_and_made_again(run, whole, caplog, bytes_lost):
    log = (run / "metrics.jsonl").read_bytes()
    (run / "metrics.jsonl").write_bytes(log[: max(0, len(log) - bytes_lost)])
    resume(run)
    assert "going back" in caplog.text
    assert content(run) == content(whole)
    assert not (run / "checkpoints").exists()


def test_a_missing_log_is_told_and_made_again(run, whole, caplog):
    (run / "metrics.jsonl").unlink()
    resume(run)
    assert "starts from its beginning" in caplog.text
    assert content(run) == content(whole)


def test_changed_digits_in_the_log_are_refused(run):
    log = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text(log.replace("0.", "1.", 1))
    before = (run / "metrics.jsonl").read_bytes()
    with pytest.raises(DamagedError, match=r"metrics\.jsonl was changed after checkpoint_4"):
        resume(run)
    assert (run / "metrics.jsonl").read_bytes() == before


def test_a_change_after_the_checkpoint_before_is_told_and_made_again(run, whole, caplog):
    log = (run / "metrics.jsonl").read_bytes()
    (run / "metrics.jsonl").write_bytes(log[:-40] + b"\0" * 40)
    resume(run)
    assert "was changed after checkpoint_4" in caplog.text
    assert content(run) == content(whole)


def test_an_edited_configuration_is_refused(run):
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("step_size: 2.0", "step_size: 0.5"))
    with pytest.raises(DamagedError, match=r"config\.yaml is not the configuration"):
        resume(run)


def test_the_checkpoint_of_another_run_is_refused(run, tmp_path, monkeypatch):
    other = broken_off(tmp_path / "other", monkeypatch, "seed=7")
    shutil.copy(other / "checkpoints" / "checkpoint_4.bin", run / "checkpoints")
    with pytest.raises(DamagedError, match=r"config\.yaml is not the configuration"):
        resume(run)


@pytest.mark.parametrize("name", ["metrics.jsonl", "config.yaml", "checkpoints/checkpoint_4.bin"])
@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_what_is_no_regular_file_is_refused_and_stays_as_it_is(run, tmp_path, name, kind):
    target = tmp_path / "precious"
    target.write_bytes((run / name).read_bytes())
    before = target.read_bytes()
    (run / name).unlink()
    if kind == "link":
        (run / name).symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(run / name)
    else:
        (run / name).mkdir()
    with pytest.raises(InputError, match=f"{Path(name).name} is a {kind}: the files of a run"):
        resume(run)
    assert target.read_bytes() == before


def test_a_folder_of_checkpoints_that_is_a_link_is_refused(run, tmp_path):
    (run / "checkpoints").rename(tmp_path / "elsewhere")
    (run / "checkpoints").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="checkpoints is a link"):
        resume(run)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2


def test_the_results_of_a_finished_run_are_as_they_were_written(whole, tmp_path):
    for name in RESULTS:
        directory = shutil.copytree(whole, tmp_path / f"changed_{name}")
        changed = bytearray((directory / name).read_bytes())
        place = max(i for i, byte in enumerate(changed) if chr(byte) in "123456789")
        changed[place] = ord("7") if changed[place] != ord("7") else ord("8")
        (directory / name).write_bytes(changed)
        with pytest.raises(DamagedError, match=f"cannot read .*{name}"):
            resume(directory)


def test_what_a_kill_left_beside_results_goes_at_the_next_resume(whole, tmp_path):
    directory = shutil.copytree(whole, tmp_path / "run")
    Checkpoints(directory).save(6, {"a": 1})
    (directory / ".summary.json.123.part").write_text("half")
    resume(directory)
    assert {path.name for path in directory.iterdir()} == {*RESULTS, "origin.json"}


def test_a_job_with_a_damaged_result_is_put_aside_and_run_again(whole, tmp_path, capsys):
    job = tmp_path / "sweep" / "job"
    config = compose(*SETTINGS)
    sweep.play_job(config, job)
    (job / "final.npz").write_bytes(b"torn")
    sweep.play_job(config, job)
    told = capsys.readouterr().err
    assert "final.npz: it is not the one that summary.json was written with: put aside" in told
    assert content(job) == content(whole)
    assert (job / "damaged_1" / "final.npz").read_bytes() == b"torn"


def test_a_job_of_another_configuration_is_no_finished_job_of_this_sweep(tmp_path):
    """Sweepers that choose as they go number their jobs, and have no plan."""
    job = tmp_path / "sweep" / "0"
    sweep.play_job(compose(*SETTINGS), job)
    with pytest.raises(InputError, match=r"seed=0, and this sweep would have seed=1"):
        sweep.play_job(compose(*SETTINGS, "seed=1"), job)


def test_a_signal_after_the_last_local_update_is_not_lost(tmp_path, monkeypatch):
    finish = MultiLogger.finish

    def signalled(self, summary):
        finish(self, summary)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(MultiLogger, "finish", signalled)
    with pytest.raises(Interrupted) as ended:
        execute(compose(*SETTINGS), tmp_path / "run")
    assert (ended.value.exit_code, ended.value.left) == (143, "the run is finished")
    assert read_summary(tmp_path / "run")["status"] == "finished"


def test_a_signal_before_a_failure_ends_the_sweep_all_the_same():
    def failing():
        with Interruption():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        failing()
    with pytest.raises(Interrupted) as ended:
        raise_unanswered()
    assert ended.value.exit_code == 130
    raise_unanswered()  # it is raised once


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x]\nb: *a",
        "a: " + "9" * 6000,
        "a: 0x" + "f" * 6000,
        "a: .inf",
        "a: 2020-01-01",
        "1: a",
        'a: "\\ud800"',
        "a: " + "[" * 100_000,
        "a: " + "[" * 30 + "]" * 30,
        "!!python/object/apply:os.getcwd []",
        "- a",
        "a: \0",
    ],
    ids=lambda text: text[:20],
)
def test_what_no_configuration_holds_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(DamagedError, match=r"^cannot read") as refusal:
        read_configuration(tmp_path / "config.yaml")
    assert len(str(refusal.value).splitlines()) == 1
    assert json.dumps(str(refusal.value))
