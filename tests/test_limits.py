"""Disks that are full and folders that cannot be written: one line, nothing lost, resumable."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from marl_comm import resume as resume_command
from marl_comm import run
from marl_comm.command_line.composition import compose
from marl_comm.errors import OutputError
from marl_comm.runs.session import execute, resume
from marl_comm.storage.checkpoints import Checkpoints, State

SETTINGS = (
    "communication=periodic",
    "num_seeds=3",
    "samples_per_round=50",
    "game.agents=3",
    "algorithm=importance_sampling",
    "max_local_steps=60",
    "logger=local",
    "checkpoint_seconds=1e-9",
)
FILES = ("metrics.jsonl", "final.npz", "summary.json", "config.yaml")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("uninterrupted") / "run"
    execute(compose(*SETTINGS), directory)
    return directory


def played(directory: Path, largest_file: int | None = None) -> subprocess.CompletedProcess[str]:
    """Play the run through the command, with a limit on the bytes of a file."""

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    command = ["-m", "marl_comm.run", *SETTINGS, f"hydra.run.dir={directory}"]
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, preexec_fn=limit
    )


def assert_one_error(finished: subprocess.CompletedProcess[str], file: str, reason: str) -> None:
    assert finished.returncode == 1
    told = finished.stderr.splitlines()
    (line,) = [line for line in told if not line.startswith("local update ")]
    assert line.startswith("error: cannot write ")
    assert file in line
    assert line.endswith(reason)


def assert_ends_alike(directory: Path, uninterrupted: Path) -> None:
    assert not (directory / "summary.json").exists()
    log = (directory / "metrics.jsonl").read_bytes()
    assert log.endswith(b"}\n")
    assert (uninterrupted / "metrics.jsonl").read_bytes().startswith(log)
    assert not list(directory.rglob("*.part"))
    resume(directory)
    for name in FILES:
        assert (directory / name).read_bytes() == (uninterrupted / name).read_bytes(), name


@pytest.mark.parametrize(
    ("largest_file", "file"),
    [(2_000, "checkpoint_1.bin"), (25_000, "metrics.jsonl")],
    ids=["checkpointing", "logging"],
)
def test_a_limit_on_file_sizes_ends_a_run_that_can_be_resumed(
    tmp_path: Path, uninterrupted: Path, largest_file: int, file: str
) -> None:
    directory = tmp_path / "run"
    assert_one_error(played(directory, largest_file), file, ": File too large")
    saved = Checkpoints(directory).load_latest()
    assert (saved is None) == (file == "checkpoint_1.bin")
    assert_ends_alike(directory, uninterrupted)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=56k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_ends_a_run_that_can_be_resumed(
    tmp_path: Path, small_disk: Path, uninterrupted: Path
) -> None:
    assert_one_error(played(small_disk / "run"), "run/", ": No space left on device")
    assert Checkpoints(small_disk / "run").load_latest() is not None
    shutil.copytree(small_disk / "run", tmp_path / "elsewhere")
    assert_ends_alike(tmp_path / "elsewhere", uninterrupted)


@contextlib.contextmanager
def read_only(directory: Path) -> Iterator[None]:
    """Take away the right to write, from the superuser as well."""
    folders = [directory, *(path for path in directory.rglob("*") if path.is_dir())]
    files = [path for path in directory.rglob("*") if path.is_file()]
    superuser = os.geteuid() == 0
    for path in (*files, *folders):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in directory.parents[:-2] if superuser else ():
        parent.chmod(parent.stat().st_mode | 0o055)
    if superuser:
        os.seteuid(65534)
    try:
        yield
    finally:
        if superuser:
            os.seteuid(0)
        for path in (*folders, *files):
            path.chmod(0o755 if path.is_dir() else 0o644)


def fail_after(steps: int, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Leave a run that has failed, with its checkpoints."""
    save = Checkpoints.save

    def save_or_fail(self: Checkpoints, local_step: int, state: State) -> None:
        if local_step > steps:
            raise OutputError("the disk is full")
        save(self, local_step, state)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_or_fail)
        with pytest.raises(OutputError):
            execute(compose(*SETTINGS), directory)


def content(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["hydra.run.dir", "hydra.sweep.dir"])
def test_a_folder_that_cannot_be_written_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    new_process: None,
    kind: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    sweep = ["-m", "seed=0,1"] if "sweep" in kind else []
    arguments = [*sweep, *SETTINGS, f"{kind}={tmp_path / 'there' / 'run'}"]
    monkeypatch.setattr(sys, "argv", ["marl_comm.run", *arguments])
    with read_only(tmp_path / "there"):
        assert run.main() == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert "there" in told
    assert "Permission denied" in told
    assert not list((tmp_path / "there").iterdir())


def test_a_run_that_cannot_be_written_is_not_resumed_and_stays_as_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    uninterrupted: Path,
) -> None:
    directory = tmp_path / "run"
    fail_after(30, monkeypatch, directory)
    capsys.readouterr()
    before = content(directory)
    monkeypatch.setattr(sys, "argv", ["marl_comm.resume", str(directory)])
    with read_only(directory):
        assert resume_command.main() == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {directory} cannot be written (Permission denied)")
    assert told.count("\n") == 1
    assert content(directory) == before
    assert_ends_alike(directory, uninterrupted)
