"""What a sweep costs beside its runs, in seconds of one core: `sweep_overhead.py --jobs 500`.

The same small runs are played by a loop in one process, by a sweep, and by the same sweep again,
when all is finished.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

OVERRIDES = ("logger=local", "samples_per_round=20", "max_local_steps=5", "game.agents=3")
LOOP = """
import sys
from pathlib import Path
from marl_comm.command_line.composition import compose
from marl_comm.runs.session import execute

jobs, directory, *overrides = sys.argv[1:]
config = compose(*overrides)
for seed in range(int(jobs)):
    execute(config.model_copy(update={"seed": seed}), Path(directory) / str(seed))
"""


def costs(*arguments: str) -> tuple[float, float]:
    """Run Python with these arguments; return its seconds of a core, and of the clock."""
    before, began = getrusage(RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    core = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return core, time.monotonic() - began


def main() -> int:
    """Print the three costs, and what is the sweep's own in them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=500)
    jobs = parser.parse_args().jobs
    with tempfile.TemporaryDirectory() as scratch:
        alone, _ = costs("-c", LOOP, str(jobs), f"{scratch}/alone", *OVERRIDES)
        swept = [f"seed=range({jobs})", *OVERRIDES, f"hydra.sweep.dir={scratch}/sweep"]
        sweep, _ = costs("-m", "marl_comm.run", "-m", *swept)
        again, clock = costs("-m", "marl_comm.run", "-m", *swept)
        if len(list(Path(scratch).glob("sweep/*/summary.json"))) != jobs:
            raise SystemExit("the sweep is not finished")
    print(
        f"{jobs} jobs: {alone:.1f} s in a loop, {sweep:.1f} s as a sweep, "
        f"{(sweep - alone) / jobs:.3f} s of overhead a job; launched again {again:.1f} s "
        f"({clock:.1f} s by the clock)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
