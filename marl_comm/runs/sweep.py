"""Sweeps that may be launched again: planned as a whole; each job skipped, resumed or run."""

import contextlib
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from marl_comm.command_line.program import typed
from marl_comm.config.loading import load_saved
from marl_comm.config.run import RunConfig
from marl_comm.errors import DamagedError, InputError, OutputError
from marl_comm.plain_text import one_line, printable
from marl_comm.runs.again import play_on, refuse_difference
from marl_comm.runs.objective import Result
from marl_comm.runs.recovery import put_aside
from marl_comm.storage.files import (
    CONFIG,
    PLAN,
    SUMMARY,
    content_of,
    locked,
    remove_leftovers_of_others,
    settled,
    unwritable,
    whole_file,
    writing_beside_others,
)
from marl_comm.storage.locks import refuse_without_locks, warning_about

ERROR = "error.txt"
"""In a job's directory: why it failed when it was last tried."""


@dataclass(frozen=True)
class SweepJob:
    """One job of a sweep.

    Attributes:
        config: Resolved and checked.
        overrides: What makes it of the sweep's command, as typed.
    """

    config: RunConfig
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Sweep:
    """A sweep that this process has planned.

    Attributes:
        directory: Where its jobs' directories are.
        jobs: Its jobs by the names of their directories; none where they are not known beforehand.
    """

    directory: Path
    jobs: Mapping[str, SweepJob]

    def missing(self) -> list[tuple[str, SweepJob]]:
        """Return the jobs that are not finished, with their names."""
        return [
            (name, job)
            for name, job in self.jobs.items()
            if not os.path.lexists(self.directory / name / SUMMARY)
        ]


launched: list[Sweep] = []
"""The sweeps that this process has planned, latest last."""


def plan(directory: Path, jobs: Mapping[str, SweepJob]) -> None:
    """Settle what every job of a sweep is, before the first one starts.

    Later changes of configuration files do not reach these jobs.

    Args:
        directory: The sweep's directory.
        jobs: Its jobs by the names of their directories.

    Raises:
        InputError: A job was planned, or run, with another configuration; or a file is in the way.
        OutputError: The plan cannot be written.
    """
    refuse_changes(directory, jobs)
    folder = directory / PLAN
    files = {_plan_of(directory / name): job for name, job in jobs.items()}
    new = {file: job for file, job in files.items() if not os.path.lexists(file)}
    try:
        remove_leftovers_of_others(folder)  # another launch may be writing its plan
        # Where all is planned, and finished, nothing need be written.
        if new or not jobs:
            folder.mkdir(parents=True, exist_ok=True)
            refuse_without_locks(folder)
            if warning := warning_about(folder):
                print(f"warning: {warning}", file=sys.stderr)
            with writing_beside_others(folder):
                for file, job in new.items():
                    _write(file, job.config)
            settled(folder)
    except OSError as error:
        raise InputError(
            one_line(f"hydra.sweep.dir={directory}: cannot be written ({error.strerror})")
        ) from error
    launched.append(Sweep(directory, jobs))


def refuse_changes(directory: Path, jobs: Mapping[str, SweepJob]) -> None:
    """Refuse jobs that are not what their directories hold, or what was planned there.

    Args:
        directory: The sweep's directory.
        jobs: Its jobs by the names of their directories.

    Raises:
        InputError: A job was planned, or run, with another configuration; or a file is in the way.
    """
    for name in (PLAN, *jobs):
        if os.path.lexists(directory / name) and not _is_folder(directory / name):
            raise InputError(one_line(f"{directory / name} is in the way of a job"))
    for name, job in jobs.items():
        if os.path.lexists(_plan_of(directory / name)):
            refuse_difference(_plan_of(directory / name), job.config, "sweep")
        if os.path.lexists(directory / name / CONFIG):
            with contextlib.suppress(DamagedError):  # which is for the job to repair
                refuse_difference(directory / name / CONFIG, job.config, "sweep")


def _write(file: Path, config: RunConfig) -> None:
    with whole_file(file, settle=False) as opened:
        opened.write(yaml.safe_dump(config.model_dump(), sort_keys=False).encode())


def plan_job(directory: Path, config: RunConfig) -> None:
    """Add a job to a sweep whose jobs are not known beforehand.

    Raises:
        InputError: It was planned, or run, with another configuration.
        OutputError: The plan cannot be written.
    """
    folder = directory.parent / PLAN
    refuse_changes(directory.parent, {directory.name: SweepJob(config, ())})
    file = _plan_of(directory)
    if os.path.lexists(file):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    _write(file, config)


def planned(directory: Path) -> RunConfig | None:
    """Return what a job's directory is planned to hold; None where its sweep has no plan."""
    file = _plan_of(directory)
    return load_saved(file) if os.path.lexists(file) else None


def play_job(config: RunConfig, directory: Path) -> Result:
    """Run a job, resume it where it was interrupted or failed, or skip it where it is finished.

    Returns:
        The job's objective.

    Raises:
        InputError: As `marl_comm.runs.session.execute`; BusyError where another process is at work.
        OutputError: As there. Whatever is raised is also in the job's file `error.txt`.
    """
    if os.path.lexists(directory / SUMMARY):
        with contextlib.suppress(DamagedError):  # which is repaired below
            objective = play_on(config, directory, "sweep")
            _forget_error(directory)
            return objective
    try:
        (directory.parent / PLAN).mkdir(parents=True, exist_ok=True)
        lock = locked(directory.parent / PLAN / f"{directory.name}.lock")
    except OSError as error:
        raise unwritable(directory.parent / PLAN, error) from error
    with lock:
        return _play_locked(config, directory)


def _play_locked(config: RunConfig, directory: Path) -> Result:
    try:
        try:
            objective = play_on(config, directory, "sweep")
        except DamagedError as error:
            told = f"{error}: put aside in {put_aside(directory)}, and run again"
            print(printable(told), file=sys.stderr)
            objective = play_on(config, directory, "sweep")
    except Exception as error:
        _note_error(directory, error)
        raise
    _forget_error(directory)
    return objective


def _note_error(directory: Path, error: Exception) -> None:
    """Keep the error in the job's directory where it can be written; it is told in any case."""
    text = "".join(traceback.format_exception(error))
    if directory.is_dir():
        with contextlib.suppress(OutputError), whole_file(directory / ERROR) as file:
            file.write(text.encode(errors="backslashreplace"))


def _forget_error(directory: Path) -> None:
    with contextlib.suppress(OSError):
        (directory / ERROR).unlink()


def close() -> None:
    """Print how each job of the sweep that this process has launched stands, if there is one.

    Jobs that were not known beforehand are trials: their objectives are printed as well.
    """
    if not launched:
        return
    from rich.console import Console
    from rich.table import Table

    sweep = launched.pop()
    names = sorted(file.stem for file in (sweep.directory / PLAN).glob("*.yaml"))
    table = Table("job", "state", title=printable(str(sweep.directory)), title_justify="left")
    if sweep.jobs:
        for name in names:
            table.add_row(printable(name), printable(standing(sweep.directory / name)))
    else:
        table.add_column("objective", justify="right")
        results = {name: result_of(sweep.directory / name) for name in names}
        for name in sorted(names, key=lambda name: _in_order(results[name])):
            numbers = ", ".join(f"{number:.6g}" for number in results[name])
            state = printable(standing(sweep.directory / name))
            table.add_row(printable(name), state, numbers)
    console = Console(
        stderr=True, width=160, soft_wrap=True, markup=False, highlight=False, emoji=False
    )
    console.print(table)
    if any(os.path.lexists(sweep.directory / name / SUMMARY) for name in names):
        told = f"next: {typed('compare', str(sweep.directory))}"
        print(printable(told), file=sys.stderr)


def result_of(directory: Path) -> list[float]:
    """Return the objectives of a finished run; none where it is not finished."""
    if not os.path.lexists(directory / SUMMARY):
        return []
    from marl_comm.runs.session import finished_objective

    try:
        result = finished_objective(directory)
    except InputError:  # which the job itself has told
        return []
    return result if isinstance(result, list) else [result]


def _in_order(numbers: list[float]) -> tuple[bool, list[float]]:
    """The best first, by the first objective; those without a result last."""
    return not numbers, numbers


def standing(directory: Path) -> str:
    """Return how the run in a directory stands, in a word or two."""
    if os.path.lexists(directory / SUMMARY):
        return "finished"
    if os.path.lexists(directory / ERROR):
        try:
            text = content_of(directory / ERROR).decode(errors="replace")
        except InputError as error:
            return f"failed: {error}"
        lines = text.strip().splitlines()
        return f"failed: {lines[-1] if lines else 'unknown error'}"
    return "unfinished" if os.path.lexists(directory / CONFIG) else "not started"


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _plan_of(directory: Path) -> Path:
    return directory.parent / PLAN / f"{directory.name}.yaml"
