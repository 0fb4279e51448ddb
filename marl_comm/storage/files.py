"""The files of runs and sweeps: their names; reading and writing them, whole and by no link."""

import contextlib
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import BinaryIO

from marl_comm.errors import BusyError, DamagedError, InputError, OutputError

CONFIG = "config.yaml"
METRICS = "metrics.jsonl"
SUMMARY = "summary.json"
FINAL = "final.npz"
ORIGIN = "origin.json"
START = "start.npz"
CHECKPOINTS = "checkpoints"  # a folder
PLAN = "plan"  # in a sweep's directory: the folder that holds every job's configuration

_WRITERS = ".writers.lock"
_LEFTOVER = re.compile(r"\..+\.\d+(-[0-9a-f]+)?\.part")

# A link is not followed, and nobody is waited for at the other end of a pipe.
_CAREFULLY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def whole_file(target: Path, *, settle: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the target's place only once it is safely on disk.

    Args:
        target: The file; a link in its place is replaced, not followed.
        settle: Whether the new name, too, is to be on disk before this returns.

    Raises:
        OutputError: It cannot be written; the target, if it existed, is as it was.
    """
    # Several machines may write to one folder, and number their processes alike.
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        temporary.unlink(missing_ok=True)  # of a killed process that had the same number
        with BufferedWriter(FileIO(temporary, "xb")) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        if settle:
            settled(target.parent)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def settled(folder: Path) -> None:
    """Return once the names in a folder are on disk.

    Raises:
        OSError: They cannot be written.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed while writing have left in a folder; never fails.

    Call it only where no other process can be writing.
    """
    with contextlib.suppress(OSError):
        for leftover in _leftovers(folder):
            leftover.unlink()


@contextlib.contextmanager
def writing_beside_others(folder: Path) -> Iterator[None]:
    """Keep the leftovers of a folder while several processes may be writing there.

    Raises:
        OSError: The lock cannot be made.
    """
    with opened_to_append(folder / _WRITERS) as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        yield


def remove_leftovers_of_others(folder: Path) -> None:
    """Remove leftovers unless a process is `writing_beside_others` there; never fails."""
    with contextlib.suppress(OSError, BusyError, InputError):
        if _leftovers(folder):
            with locked(folder / _WRITERS):
                remove_leftovers(folder)


def _leftovers(folder: Path) -> list[Path]:
    return [file for file in folder.glob(".*.part") if _LEFTOVER.fullmatch(file.name)]


def opened(file: Path, flags: int = os.O_RDONLY) -> FileIO:
    """Open a regular file, unbuffered.

    Raises:
        InputError: It is a link, a pipe, a directory or the like.
        OSError: It cannot be opened.
    """
    try:
        descriptor = os.open(file, flags | _CAREFULLY, 0o666)
    except OSError:
        # What the system says of a link, a directory or a pipe differs; none is opened.
        with contextlib.suppress(OSError):
            _refuse_odd(file, file.lstat().st_mode)
        raise
    try:
        _refuse_odd(file, os.fstat(descriptor).st_mode)
        return FileIO(descriptor, "ab" if flags & os.O_APPEND else "rb")
    except BaseException:
        os.close(descriptor)
        raise


def opened_to_append(file: Path) -> FileIO:
    """Open a regular file for appending, and make it where needed; raises as `opened`."""
    return opened(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def content_of(file: Path, most: int | None = None) -> bytes:
    """Return what a regular file of a run holds.

    Args:
        file: The file.
        most: Bytes; None sets no limit.

    Raises:
        DamagedError: It is missing, cannot be read, or is longer than that.
        InputError: It is a link, a pipe, a directory or the like.
    """
    try:
        with opened(file) as stream:
            size = os.fstat(stream.fileno()).st_size
            if most is not None and size > most:
                raise DamagedError(f"cannot read {file}: {size} bytes, allowed are {most}")
            return stream.read()
    except OSError as error:
        raise unreadable(file, error) from error


def unreadable(path: Path, error: OSError) -> DamagedError:
    """Return the one-line error for a file that could not be read."""
    return DamagedError(f"cannot read {path}: {error.strerror or error}")


def unwritable(path: Path, error: OSError) -> OutputError:
    """Return the one-line error for a file that could not be written."""
    return OutputError(f"cannot write {path}: {error.strerror or error}")


def locked(file: Path) -> FileIO:
    """Open a file for appending, and lock it until it is closed or this process ends.

    Raises:
        BusyError: Another process holds the lock.
        InputError: It is a link, a pipe, a directory or the like.
        OSError: The file cannot be opened.
    """
    stream = opened_to_append(file)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise BusyError(f"{file.parent}: another process is at work on it") from error
    return stream


def _refuse_odd(file: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe"}
        found = kind.get(stat.S_IFMT(mode), "a device or socket")
        raise InputError(f"{file} is {found}: the files of a run must be regular files")
