"""From what state an interrupted run goes on: one that its configuration and its log belong to."""

import contextlib
import itertools
import logging
import os
from pathlib import Path
from typing import Any

from marl_comm.errors import DamagedError, InputError
from marl_comm.storage.checkpoints import Checkpoints, State
from marl_comm.storage.digests import Prefix, digest_of
from marl_comm.storage.directory import RunDirectory
from marl_comm.storage.files import (
    CHECKPOINTS,
    CONFIG,
    FINAL,
    METRICS,
    ORIGIN,
    START,
    SUMMARY,
    locked,
    remove_leftovers,
    unwritable,
)

_log = logging.getLogger(__name__)


def belongings(directory: Path, log: dict[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint says of the run that it belongs to.

    Args:
        directory: Of the run.
        log: Size and digest of its log so far.
    """
    return {"log": log, "configuration": digest_of(directory / CONFIG)}


def state_to_go_on_from(
    directory: Path, checkpoints: Checkpoints
) -> tuple[Path, State] | tuple[None, None]:
    """Return the latest checkpoint that the directory's log supports; None for the start.

    Checkpoints of later local updates are removed. What is passed over is told.

    Raises:
        DamagedError: The configuration, or the log, was changed after it was saved.
        InputError: Another version of marl_comm was at work on it.
    """
    size = (directory / METRICS).stat().st_size
    configuration = digest_of(directory / CONFIG)
    changed, passed_over = None, False
    for file, state in checkpoints.readable():
        saved_configuration, saved_size, saved_digest = _belongings_in(state, file)
        if saved_configuration != configuration:
            raise DamagedError(
                f"{directory / CONFIG} is not the configuration that {file} was saved with: "
                "restore it, or delete the directory and run it again"
            )
        passed_over = True
        if size < saved_size:
            _log.warning(
                "%s ends after %d bytes, and had %d when %s was saved: going back",
                *(directory / METRICS, size, saved_size, file.name),
            )
        elif Prefix(directory / METRICS, saved_size).digest == saved_digest:
            checkpoints.discard(after=int(file.stem.rpartition("_")[2]))
            return file, state
        else:
            changed = changed or file
            _log.warning(
                "%s was changed after %s was saved: going back", directory / METRICS, file.name
            )
    if changed is not None:
        raise DamagedError(
            f"{directory / METRICS} was changed after {changed.name} was saved: restore it, or "
            "delete the directory and run it again"
        )
    if passed_over or size > 0:
        _log.warning("%s: no checkpoint to continue from, it starts from its beginning", directory)
    checkpoints.discard()
    return None, None


def tidy(directory: Path) -> None:
    """Remove what a kill has left beside the results of a finished run; never fails."""
    with contextlib.suppress(InputError, OSError), RunDirectory.reopen(directory):
        Checkpoints(directory).discard()


def put_aside(directory: Path) -> Path:
    """Move the files of a damaged run to a folder in its directory, so that it can be run again.

    Returns:
        The folder; the first of `damaged_1`, `damaged_2`, … that was free.

    Raises:
        InputError: Another process is at work on it, or its log is a link, a pipe or the like.
        OutputError: They cannot be moved.
    """
    names = (directory / f"damaged_{number}" for number in itertools.count(1))
    folder = next(name for name in names if not os.path.lexists(name))
    try:
        with locked(directory / METRICS):
            folder.mkdir()
            # The configuration goes last: a directory without one counts as never begun.
            for name in (CHECKPOINTS, SUMMARY, FINAL, METRICS, START, ORIGIN, CONFIG):
                with contextlib.suppress(FileNotFoundError):
                    (directory / name).rename(folder / name)
            remove_leftovers(directory)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def _belongings_in(state: State, file: Path) -> tuple[str, int, str]:
    try:
        configuration, log = state["configuration"], state["log"]
        size, digest = log["size"], log["digest"]
    except (TypeError, KeyError, IndexError) as error:
        raise of_another_version(file) from error
    if type(size) is not int or size < 0:
        raise of_another_version(file)
    return configuration, size, digest


def of_another_version(file: Path) -> InputError:
    """Return the error for a checkpoint whose content this version does not know."""
    return InputError(
        f"{file}: another version of marl_comm has written this checkpoint; resume the run with "
        "that one, or delete the directory and run it again"
    )
