"""Kills a sweep at random moments and launches it again: `sweep_test.py --jobs 100 --kills 10`.

The sweep must then be finished, each job as in a sweep that was left alone, byte for byte; no job
that was finished when the sweep was killed may be touched again; and the closing table must hold
every job.
"""

import argparse
import filecmp
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMPARED = ("metrics.jsonl", "final.npz", "summary.json", "config.yaml")
JOB = (
    "num_seeds=2",
    "samples_per_round=100",
    "max_local_steps=80",
    "logger=local",
    "checkpoint_seconds=0.02",
)


def start(directory: Path, jobs: int) -> subprocess.Popen[str]:
    """Launch the sweep, for the first time or again."""
    sweep = [f"seed=range({jobs})", *JOB, f"hydra.sweep.dir={directory}"]
    command = [sys.executable, "-m", "marl_comm.run", "-m", *sweep]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def finished(directory: Path) -> dict[str, tuple[int, ...]]:
    """Return inode and time of change of each file of every finished job."""
    jobs = [summary.parent for summary in directory.glob("*/summary.json")]
    return {
        job.name: tuple(
            number
            for name in COMPARED
            for number in ((job / name).stat().st_ino, (job / name).stat().st_mtime_ns)
        )
        for job in jobs
    }


def kill_at_random(
    directory: Path, jobs: int, kills: int, took: float
) -> tuple[int, set[str], bool]:
    """Kill the sweep up to `kills` times, then let it finish.

    Returns:
        How often it was killed, the finished jobs that were touched again, and whether the last
        launch said how many jobs were finished before, and had all in its table.
    """
    before: dict[str, tuple[int, ...]] = {}
    repeated: set[str] = set()
    for kill in range(kills + 1):
        process = start(directory, jobs)
        try:
            # All kills together leave about as much time as the whole sweep takes.
            limit = random.uniform(0.0, 2 * took / (kills + 1)) if kill < kills else None
            _, told = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        now = finished(directory)
        repeated |= {job for job, files in before.items() if now.get(job) != files}
        skipped, before = len(before), now
        if process.returncode == 0:
            break
        if process.returncode > 0:
            raise SystemExit(f"the sweep failed:\n{told}")
    said = re.search(r"^finished before: (\d+) of ", told, re.MULTILINE)
    all_told = int(said[1] if said else 0) == skipped and told.count("│ finished") == jobs
    return kill, repeated, all_told


def main() -> int:
    """Return 0 if the killed sweep ended as the uninterrupted one did, nothing run twice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="seed of the random moments")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory() as scratch:
        reference, sweep = Path(scratch) / "reference", Path(scratch) / "sweep"
        began = time.monotonic()
        process = start(reference, arguments.jobs)
        process.communicate()
        if process.returncode != 0:
            raise SystemExit("the sweep fails even when left alone")
        took = time.monotonic() - began
        kills, repeated, all_told = kill_at_random(sweep, arguments.jobs, arguments.kills, took)
        done = finished(sweep)
        equal = 0
        for job in finished(reference):
            same, _, _ = filecmp.cmpfiles(reference / job, sweep / job, COMPARED, shallow=False)
            equal += len(same) == len(COMPARED)
    print(
        f"{kills} kills: {len(done)} of {arguments.jobs} jobs finished, "
        f"{len(repeated)} of them run twice, {equal} equal to the byte; "
        f"closing table {'complete' if all_told else 'NOT complete'}"
    )
    return int(not (len(done) == equal == arguments.jobs and all_told and not repeated))


if __name__ == "__main__":
    sys.exit(main())
