"""From a planned sweep to a launcher: only what is missing, and one line where workers die."""

import sys
from collections.abc import Mapping, Sequence

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf

from marl_comm.errors import LaunchError
from marl_comm.plain_text import one_line, shortened
from marl_comm.runs import sweep
from marl_comm.runs.interruption import ending_by_sigterm


class JobError(Exception):
    """A job of a sweep has failed, and its error has been reported.

    Attributes:
        code: The exit code that goes with the error.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def launch_missing(
    config: DictConfig, launcher: Launcher, batch_size: int | None
) -> list[Sequence[JobReturn]]:
    """Run the jobs of the sweep that was planned last which are not finished.

    Args:
        config: As composed by Hydra for all jobs, its own settings included.
        launcher: Starts jobs, here or elsewhere.
        batch_size: Most jobs that the launcher gets at a time; None for all.

    Returns:
        For each batch, what the launcher returned.

    Raises:
        JobError: A job has failed; all others have been tried.
        Exception: A worker has ended without an answer; the launcher's own error.
    """
    planned = sweep.launched[-1]
    OmegaConf.save(config, planned.directory / "multirun.yaml")
    missing = planned.missing()
    finished = len(planned.jobs) - len(missing)
    if finished:
        told = f"finished before: {finished} of {len(planned.jobs)} jobs in {planned.directory}"
        print(told, file=sys.stderr)
    size = batch_size or max(len(missing), 1)
    batches = []
    with ending_by_sigterm():
        for start in range(0, len(missing), size):
            batches.append(_launched(launcher, dict(missing[start : start + size]), start))
    for job in (job for batch in batches for job in batch):
        if job.status is JobStatus.FAILED:
            raise job._return_value
    return batches


def _launched(
    launcher: Launcher, jobs: Mapping[str, sweep.SweepJob], first: int
) -> Sequence[JobReturn]:
    # Jobs may have other numbers than when they were planned, but keep their directories.
    overrides = [
        [*job.overrides, f"hydra.sweep.subdir={_quoted(name)}"] for name, job in jobs.items()
    ]
    return launcher.launch(overrides, initial_job_idx=first)


def as_launch_error(error: Exception) -> LaunchError:
    """Return the one line about an error of a launcher, which every launcher tells in its way."""
    reason = shortened(one_line(f"{type(error).__name__}: {error}"))
    return LaunchError(
        f"a worker ended without an answer ({reason}); the same command again runs the missing jobs"
    )


def _quoted(text: str) -> str:
    """Return a text as Hydra's grammar takes it for nothing but a text."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
