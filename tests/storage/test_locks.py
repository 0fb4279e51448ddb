"""File systems whose locks do nothing, or hold on one machine only."""

import errno
import fcntl
from pathlib import Path

import pytest

from marl_comm.errors import InputError
from marl_comm.storage import locks


def test_this_file_system_has_locks_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    locks.refuse_without_locks(tmp_path)
    assert not list(tmp_path.iterdir())


def test_locks_that_do_nothing_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda file, how: None)
    with pytest.raises(InputError, match="file locks do not work there: they keep nobody out"):
        locks.refuse_without_locks(tmp_path)
    assert not list(tmp_path.iterdir())


def test_locks_that_fail_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: object, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(InputError, match="No locks available"):
        locks.refuse_without_locks(tmp_path)


@pytest.mark.parametrize(
    ("mount", "warned"),
    [
        ("nfs4 server:/home rw,vers=4.2,local_lock=none", False),
        ("nfs server:/home rw,vers=3,nolock", True),
        ("nfs server:/home rw,vers=3,local_lock=flock", True),
        ("lustre server:/scratch rw,flock", False),
        ("lustre server:/scratch rw,localflock", True),
        ("fuse.sshfs me@there: rw", True),
        ("ext4 /dev/sda1 rw", False),
    ],
)
def test_locks_of_one_machine_are_told(
    mount: str, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "a b"
    inner.mkdir()
    table = tmp_path / "mountinfo"
    at = str(inner).replace(" ", "\\040")
    table.write_text(
        f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:45 / {at} rw,noatime shared:1 - {mount}\n"
        f"3 1 0:46 / {tmp_path}/elsewhere rw - nfs x nolock\n"
    )
    monkeypatch.setattr(locks, "_MOUNTS", table)
    told = locks.warning_about(inner)
    assert (told is not None) == warned
    if told:
        assert "hold on this machine only" in told
