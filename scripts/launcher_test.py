"""Kills workers and parents of a sweep on a launcher: `launcher_test.py processes --jobs 20`.

First a worker is killed while it plays, and in a second sweep the process that launched it. The
same command again must then finish the sweep: each job as with the launcher that needs no plug-in,
byte for byte, and none that was finished touched again.
"""

import argparse
import filecmp
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sweep_test import COMPARED, finished

LAUNCHERS = ("processes", "slurm_local", "ray_cluster")
JOB = (
    "num_seeds=2",
    "samples_per_round=100",
    "max_local_steps=300",
    "logger=local",
    "checkpoint_seconds=0.05",
)
TWO_WORKERS = {
    "processes": ("hydra.launcher.n_jobs=2",),
    "slurm_local": ("hydra.sweeper.max_batch_size=4",),
    "ray_cluster": ("hydra.launcher.ray.init.num_cpus=2",),
}
PATIENCE = 300.0
"""Seconds until something that is waited for counts as never happening."""


def start(directory: Path, jobs: int, *overrides: str) -> subprocess.Popen[str]:
    """Launch the sweep, for the first time or again."""
    sweep = [f"seed=range({jobs})", *JOB, *overrides, f"hydra.sweep.dir={directory}"]
    command = [sys.executable, "-m", "marl_comm.run", "-m", *sweep]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAY_DEDUP_LOGS": "0"},
    )


def at_work(directory: Path) -> set[int]:
    """Return the processes that have a job's log open."""
    found = set()
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = descriptor.readlink()
        except OSError:
            continue
        if target.name == "metrics.jsonl" and directory in target.parents:
            found.add(int(descriptor.parts[2]))
    return found


def wait_for_work(directory: Path, process: subprocess.Popen[str]) -> int:
    """Return a process that plays a job, once some job is finished and another at work."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        workers = at_work(directory) - {process.pid}
        if workers and finished(directory):
            return workers.pop()
        if process.poll() is not None:
            raise SystemExit(f"the sweep ended early:\n{process.communicate()[1]}")
        time.sleep(0.02)
    raise SystemExit("no job was started")


def wait_for_silence(directory: Path) -> None:
    """Wait until no process plays any more."""
    deadline = time.monotonic() + PATIENCE
    quiet = 0
    while quiet < 10:
        if time.monotonic() > deadline:
            raise SystemExit(f"processes still play: {at_work(directory)}")
        quiet = 0 if at_work(directory) else quiet + 1
        time.sleep(0.2)


def killed(directory: Path, jobs: int, overrides: tuple[str, ...], *, parent: bool) -> set[str]:
    """Kill a worker or the parent once, launch until all is finished; return what ran twice."""
    process = start(directory, jobs, *overrides)
    worker = wait_for_work(directory, process)
    os.kill(process.pid if parent else worker, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    wait_for_silence(directory)
    repeated: set[str] = set()
    for _ in range(3):
        before = finished(directory)
        again = start(directory, jobs, *overrides)
        _, told = again.communicate(timeout=PATIENCE)
        wait_for_silence(directory)
        now = finished(directory)
        repeated |= {job for job, files in before.items() if now.get(job) != files}
        if again.returncode == 0:
            return repeated
    raise SystemExit(f"the sweep does not finish:\n{told}")


def main() -> int:
    """Return 0 if the killed sweeps ended as one that was left alone, nothing run twice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("launcher", choices=LAUNCHERS)
    parser.add_argument("--jobs", type=int, default=20)
    arguments = parser.parse_args()
    overrides = (f"hydra/launcher={arguments.launcher}", *TWO_WORKERS[arguments.launcher])
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        reference = Path(scratch) / "reference"
        left_alone = start(reference, arguments.jobs)
        _, told = left_alone.communicate()
        if left_alone.returncode != 0:
            raise SystemExit(f"the sweep fails even when left alone:\n{told}")
        for victim in ("worker", "parent"):
            sweep = Path(scratch) / victim
            repeated = killed(sweep, arguments.jobs, overrides, parent=victim == "parent")
            done = finished(sweep)
            equal = 0
            for job in finished(reference):
                same, _, _ = filecmp.cmpfiles(reference / job, sweep / job, COMPARED, shallow=False)
                equal += len(same) == len(COMPARED)
            print(
                f"{arguments.launcher}, {victim} killed: {len(done)} of {arguments.jobs} jobs "
                f"finished, {len(repeated)} of them run twice, {equal} equal to the byte"
            )
            wrong += not (len(done) == equal == arguments.jobs and not repeated)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
