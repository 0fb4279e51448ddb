"""Kills runs at random moments, resumes them, and compares bytes: `crash_test.py --kills 50`.

Each trial starts a run, kills it with SIGKILL after a random time, and goes on killing and
resuming until the run finishes. Its metrics, final policies and summary must then be, byte for
byte, those of a run that was left alone.
"""

import argparse
import filecmp
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.progress import track

COMPARED = ("metrics.jsonl", "final.npz", "summary.json")
RUNS = {
    "tabular": (
        "algorithm=base_policy_prediction",
        "communication=missing",
        "communication.probability=0.8",
        "game.reward_noise=0.1",
        "num_seeds=20",
        "samples_per_round=4000",
        "max_local_steps=400",
        "metrics.every=3",
    ),
    "mappo": (
        "game=mpe/simple_spread",
        "algorithm=base_policy_prediction",
        "communication=periodic",
        "communication.period=4",
        "communication.warmup=4",
        "game.copies=8",
        "num_seeds=2",
        "max_local_steps=40",
    ),
}
SHORTER = {"tabular": ("samples_per_round=400",), "mappo": ("max_local_steps=8",)}
SETTINGS = ("logger=local", "checkpoint_seconds=0.05")


def start(directory: Path, overrides: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start a run, or resume the one that the directory holds."""
    if (directory / "config.yaml").exists():
        command = ["-m", "marl_comm.resume", str(directory)]
    else:
        command = ["-m", "marl_comm.run", *overrides, *SETTINGS, f"hydra.run.dir={directory}"]
    return subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)


def kill_until_finished(
    directory: Path, overrides: tuple[str, ...], longest: float, most: int
) -> int:
    """Return how often a run was killed before it finished, at most `most` times."""
    kills = 0
    while True:
        process = start(directory, overrides)
        try:
            # The later attempts get more time, so that every trial ends.
            limit = random.uniform(0.0, longest) * (1 + kills / 4)
            code = process.wait(timeout=limit if kills < most else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            continue
        if code != 0:
            raise SystemExit(f"{directory}: exit code {code} after {kills} kills")
        return kills


def main() -> int:
    """Return 0 if every killed run ended as the uninterrupted one did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="kills per kind of run")
    parser.add_argument("--only", choices=RUNS, help="one kind of run")
    parser.add_argument("--short", action="store_true", help="shorter runs, 2 kills and 1")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random moments")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        for kind in [arguments.only] if arguments.only else RUNS:
            overrides, wanted = RUNS[kind], arguments.kills
            if arguments.short:
                overrides, wanted = (*overrides, *SHORTER[kind]), 2 if kind == "tabular" else 1
            reference = Path(scratch) / f"{kind}_reference"
            began = time.monotonic()
            if start(reference, overrides).wait() != 0:
                raise SystemExit(f"the {kind} run fails even when left alone")
            longest = time.monotonic() - began
            kills = trials = equal = 0
            bar = iter(track(range(wanted), description=kind))
            while kills < wanted:
                directory = Path(scratch) / f"{kind}_{trials}"
                killed = kill_until_finished(directory, overrides, longest, wanted - kills)
                same, _, _ = filecmp.cmpfiles(reference, directory, COMPARED, shallow=False)
                trials += 1
                equal += len(same) == len(COMPARED)
                shutil.rmtree(directory)
                for _ in range(killed):
                    next(bar, None)
                kills += killed
            print(f"{kind}: {kills} kills in {trials} runs, {equal} of {trials} equal to the byte")
            failures += trials - equal
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
