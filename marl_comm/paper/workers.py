"""Runs the jobs that are missing, several at a time; what is there already is reused.

A job's directory is named after its resolved configuration. A finished run in it is used as it is,
an unfinished one is resumed, and one that cannot be read is made again.
"""

import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass
from pathlib import Path

from marl_comm.analysis.runs import Run, load_run
from marl_comm.config.loading import load_saved
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.paper.experiments import Job
from marl_comm.storage.directory import RunDirectory
from marl_comm.storage.files import CONFIG, SUMMARY

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Sweep:
    """What became of some jobs.

    Attributes:
        runs: The finished run of each job that has one, by the job's name.
        computed: How many of them were computed or continued now.
        failed: What went wrong, by the job's name.
        seconds: Wall time.
    """

    runs: dict[str, Run]
    computed: int
    failed: dict[str, str]
    seconds: float


def finished_run(job: Job, root: Path) -> Run | None:
    """Return a job's finished run, or None if it has none that can be read.

    Args:
        job: What was to be run.
        root: Holds a directory per job.
    """
    directory = root / job.name
    if not (directory / SUMMARY).exists():
        return None
    try:
        return load_run(directory) if _is_of(job.config, directory) else None
    except InputError:
        return None


def run_jobs(
    jobs: Sequence[Job],
    there: Mapping[str, Run],
    root: Path,
    workers: int,
    tell: Callable[[str], None],
) -> Sweep:
    """Give every job a finished run.

    Args:
        jobs: All different.
        there: The finished runs that some have already, by the job's name.
        root: Holds a directory per job; made if needed.
        workers: Processes at a time, one thread each.
        tell: Receives a line as jobs end.
    """
    start = time.monotonic()
    runs, failed = dict(there), dict[str, str]()
    # The longest first, so that no process is left with one at the end.
    missing = sorted(
        (job for job in jobs if job.name not in there), key=lambda job: job.seconds, reverse=True
    )
    for done, (job, error) in enumerate(_in_parallel(missing, root, workers), start=1):
        run = finished_run(job, root)
        if run is not None:
            runs[job.name] = run
        else:
            failed[job.name] = error or "it left no readable run"
            tell(f"failed: {root / job.name}: {failed[job.name]}")
        if done % 10 == 0 or done == len(missing):
            tell(f"{done} of {len(missing)} done after {time.monotonic() - start:.0f} s")
    return Sweep(runs, len(missing) - len(failed), failed, time.monotonic() - start)


def run_job(config: RunConfig, directory: Path) -> str:
    """Make, resume or make again one run; return what went wrong, or nothing.

    Args:
        config: Its configuration.
        directory: Where it is to be; holds nothing of anybody else's.
    """
    from marl_comm.runs.session import execute, resume

    with Path(os.devnull).open("w") as silence, redirect_stderr(silence):
        try:
            if directory.exists():
                if not (directory / SUMMARY).exists() and _is_of(config, directory):
                    with suppress(InputError):  # a checkpoint that cannot be read
                        resume(directory)
                        return ""
                _remove(directory)
            execute(config, directory)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return ""


def _in_parallel(jobs: Sequence[Job], root: Path, workers: int) -> Iterator[tuple[Job, str]]:
    """Yield each job, once it ended, with what went wrong."""
    if not jobs:
        return
    for variable in _THREADS:
        os.environ.setdefault(variable, "1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_end_with_parent) as pool:
        waiting: dict[Future[str], Job] = {
            pool.submit(run_job, job.config, root / job.name): job for job in jobs
        }
        try:
            for future in as_completed(waiting):
                try:
                    yield waiting[future], future.result()
                except BrokenProcessPool:
                    yield waiting[future], "its process died; started again next time"
        except (KeyboardInterrupt, GeneratorExit):
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """End this process when the one that started it dies, killed or not; its run can be resumed."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _remove(directory: Path) -> None:
    """Delete what a job left behind, unless another process is at work on it."""
    if (directory / CONFIG).is_file():
        with RunDirectory.reopen(directory):
            shutil.rmtree(directory)
    else:
        shutil.rmtree(directory)


def _is_of(config: RunConfig, directory: Path) -> bool:
    """Return whether the directory's run has this configuration, as far as results go."""
    if not (directory / CONFIG).exists():
        return False
    try:
        return Job(load_saved(directory / CONFIG)).name == Job(config).name
    except InputError:
        return False
