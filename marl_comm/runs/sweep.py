"""Sweeps that may be launched again: planned as a whole; each job skipped, resumed or run."""

import json
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from marl_comm.config.loading import load_saved
from marl_comm.config.messages import one_line
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.runs.again import play_on, refuse_difference
from marl_comm.runs.objective import Result, objective_of
from marl_comm.storage.files import CONFIG, PLAN, SUMMARY, locked, whole_file
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
            if not (self.directory / name / SUMMARY).exists()
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            one_line(f"hydra.sweep.dir={directory}: cannot be written ({error.strerror})")
        ) from error
    refuse_without_locks(folder)
    if warning := warning_about(folder):
        print(f"warning: {warning}", file=sys.stderr)
    for name, job in jobs.items():
        if not (folder / f"{name}.yaml").exists():
            _write(folder / f"{name}.yaml", job.config)
    launched.append(Sweep(directory, jobs))


def refuse_changes(directory: Path, jobs: Mapping[str, SweepJob]) -> None:
    """Refuse jobs that are not what their directories hold, or what was planned there.

    Args:
        directory: The sweep's directory.
        jobs: Its jobs by the names of their directories.

    Raises:
        InputError: A job was planned, or run, with another configuration; or a file is in the way.
    """
    for name, job in jobs.items():
        if (directory / name).exists() and not (directory / name).is_dir():
            raise InputError(one_line(f"{directory / name} is in the way of a job"))
        for earlier in (directory / PLAN / f"{name}.yaml", directory / name / CONFIG):
            if earlier.exists():
                refuse_difference(earlier, job.config, "sweep")


def _write(file: Path, config: RunConfig) -> None:
    with whole_file(file) as opened:
        opened.write(yaml.safe_dump(config.model_dump(), sort_keys=False).encode())


def plan_job(directory: Path, config: RunConfig) -> None:
    """Add a job to a sweep whose jobs are not known beforehand.

    Raises:
        InputError: It was planned, or run, with another configuration.
        OutputError: The plan cannot be written.
    """
    folder = directory.parent / PLAN
    refuse_changes(directory.parent, {directory.name: SweepJob(config, ())})
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"{directory.name}.yaml", config)


def planned(directory: Path) -> RunConfig | None:
    """Return what a job's directory is planned to hold; None where its sweep has no plan."""
    file = directory.parent / PLAN / f"{directory.name}.yaml"
    return load_saved(file) if file.exists() else None


def play_job(config: RunConfig, directory: Path) -> Result:
    """Run a job, resume it where it was interrupted or failed, or skip it where it is finished.

    Returns:
        The job's objective.

    Raises:
        InputError: As `marl_comm.runs.session.execute`; BusyError where another process is at work.
        OutputError: As there. Whatever is raised is also in the job's file `error.txt`.
    """
    (directory.parent / PLAN).mkdir(parents=True, exist_ok=True)
    with locked(directory.parent / PLAN / f"{directory.name}.lock"):
        return _play_locked(config, directory)


def _play_locked(config: RunConfig, directory: Path) -> Result:
    try:
        objective = play_on(config, directory, "sweep")
    except Exception as error:
        if directory.is_dir():
            (directory / ERROR).write_text(
                "".join(traceback.format_exception(error)), encoding="utf-8"
            )
        raise
    (directory / ERROR).unlink(missing_ok=True)
    return objective


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
    table = Table("job", "state", title=str(sweep.directory), title_justify="left")
    if sweep.jobs:
        for name in names:
            table.add_row(name, standing(sweep.directory / name))
    else:
        table.add_column("objective", justify="right")
        results = {name: result_of(sweep.directory / name) for name in names}
        for name in sorted(names, key=lambda name: _in_order(results[name])):
            numbers = ", ".join(f"{number:.6g}" for number in results[name])
            table.add_row(name, standing(sweep.directory / name), numbers)
    Console(stderr=True, width=160, soft_wrap=True).print(table)


def result_of(directory: Path) -> list[float]:
    """Return the objectives of a finished run; none where it is not finished."""
    if not (directory / SUMMARY).exists():
        return []
    seeds = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))["seeds"]
    result = objective_of(seeds, load_saved(directory / CONFIG).metrics.objective)
    return result if isinstance(result, list) else [result]


def _in_order(numbers: list[float]) -> tuple[bool, list[float]]:
    """The best first, by the first objective; those without a result last."""
    return not numbers, numbers


def standing(directory: Path) -> str:
    """Return how the run in a directory stands, in a word or two."""
    if (directory / SUMMARY).exists():
        return "finished"
    if (directory / ERROR).exists():
        lines = (directory / ERROR).read_text(encoding="utf-8").strip().splitlines()
        return f"failed: {lines[-1] if lines else 'unknown error'}"
    return "unfinished" if (directory / CONFIG).exists() else "not started"
