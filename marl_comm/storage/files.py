"""The names of the files of runs and sweeps, and writing a file whole or not at all."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from marl_comm.errors import BusyError, OutputError

CONFIG = "config.yaml"
METRICS = "metrics.jsonl"
SUMMARY = "summary.json"
FINAL = "final.npz"
PLAN = "plan"  # in a sweep's directory: the folder that holds every job's configuration


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the target's place only once it is safely on disk.

    Raises:
        OutputError: It cannot be written; the target, if it existed, is as it was.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> OutputError:
    """Return the one-line error for a file that could not be written."""
    return OutputError(f"cannot write {path}: {error.strerror or error}")


def locked(file: Path) -> BinaryIO:
    """Open a file for appending, and lock it until it is closed or this process ends.

    Raises:
        BusyError: Another process holds the lock.
        OSError: The file cannot be opened.
    """
    opened = file.open("ab")
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        opened.close()
        raise BusyError(f"{file.parent}: another process is at work on it") from error
    return opened
