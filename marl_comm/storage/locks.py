"""Whether file locks keep processes apart where results are to go, on this machine and others."""

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path

from marl_comm.errors import InputError

_MOUNTS = Path("/proc/self/mountinfo")
# How a network file system is mounted when its locks are known to one machine alone.
_LOCAL_ONLY = {
    "nfs": re.compile(r"nolock|local_lock=(all|flock)"),
    "nfs4": re.compile(r"nolock|local_lock=(all|flock)"),
    "lustre": re.compile(r"localflock"),
    "cifs": re.compile(r"nobrl"),
    "fuse.sshfs": re.compile(r""),
    "9p": re.compile(r""),
}


@dataclass(frozen=True)
class _Mount:
    point: Path
    kind: str
    options: str


def refuse_without_locks(directory: Path) -> None:
    """Raise InputError where locks do nothing: two processes could then write one run.

    Args:
        directory: Is there, and can be written to.

    Raises:
        InputError: One line that names the directory and its file system.
    """
    probe = directory / f".lock_test.{os.getpid()}.part"
    try:
        with probe.open("ab") as first, probe.open("ab") as second:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            reason = "they keep nobody out"
    except OSError as error:
        reason = str(error.strerror)
    finally:
        probe.unlink(missing_ok=True)
    mount = mount_of(directory)
    kind = f" (a file system of type {mount.kind})" if mount else ""
    raise InputError(
        f"{directory}{kind}: file locks do not work there: {reason}; choose a directory elsewhere, "
        "or have it mounted with locks"
    )


def warning_about(directory: Path) -> str | None:
    """Return one line where locks are known to one machine alone; None where they are to all."""
    mount = mount_of(directory)
    if mount is None or mount.kind not in _LOCAL_ONLY:
        return None
    if not _LOCAL_ONLY[mount.kind].search(mount.options):
        return None
    return (
        f"{directory} is on {mount.kind}, mounted with {mount.options}: its locks hold on this "
        "machine only; let no other machine work on this directory at the same time"
    )


def mount_of(directory: Path) -> _Mount | None:
    """Return the file system that a directory is on; None where the system does not tell."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    target = directory.resolve()
    found = None
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].replace("\\040", " "))
        within = point == target or point in target.parents
        # The last of several mounts on one point is the one that is seen.
        if within and (found is None or len(point.parts) >= len(found.point.parts)):
            kind, _, super_options = after.split(" ", 2)
            found = _Mount(point, kind, f"{before.split()[5]},{super_options.strip()}")
    return found
