"""What Hydra calls before it makes a directory or starts a job."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from marl_comm.command_line.exits import report
from marl_comm.command_line.jobs import (
    check_job,
    check_sweep,
    refuse_nameless,
    refuse_odd_folder,
    refuse_sweep_alone,
)
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.runs.sweep import plan
from marl_comm.storage.files import CONFIG, SUMMARY


class CheckBeforeStart(Callback):
    """Validates a run before its directory is made, and a sweep's jobs before the first starts."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """End the program where the run is not valid."""
        with _errors_end_the_program():
            refuse_nameless(config, "run.dir")
            refuse_odd_folder(config)
            refuse_sweep_alone(config)
            job = check_job(config)
            _rehearse(job, Path(config.hydra.run.dir), in_sweep=False)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Plan the sweep; end the program where any of its jobs is not valid."""
        with _errors_end_the_program():
            refuse_nameless(config, "sweep.dir")
            refuse_odd_folder(config)
            jobs = check_sweep(config)
            directory = Path(config.hydra.sweep.dir)
            for name, job in jobs.items():
                if (directory / name / SUMMARY).exists():
                    continue
                try:
                    _rehearse(job.config, directory / name, in_sweep=True)
                except InputError as error:
                    raise InputError(f"job {name} of the sweep: {error}") from error
            plan(directory, jobs)


def _rehearse(job: RunConfig, directory: Path, *, in_sweep: bool) -> None:
    # Imported late: mistakes on the command line are told before more is loaded.
    from marl_comm.runs.rehearsal import rehearse
    from marl_comm.runs.start import refuse_unfit

    # A run that has begun holds all that it started from.
    if job.start_from is not None and not os.path.lexists(directory / CONFIG):
        refuse_unfit(job)
    rehearse(job, in_sweep=in_sweep)


@contextmanager
def _errors_end_the_program() -> Iterator[None]:
    # Hydra turns exceptions of callbacks into warnings and goes on.
    try:
        yield
    except Exception as error:  # a defect, too, must not end in a warning
        raise SystemExit(report(error)) from error
