"""How long a run takes beside what a dry run says: process time, from the start of Python.

OMP_NUM_THREADS=1 python scripts/measure_cost.py game=jaxmarl max_local_steps=60
"""

import sys
import tempfile
import time
from pathlib import Path

from marl_comm.command_line.composition import compose
from marl_comm.runs.cost import seconds_of
from marl_comm.runs.session import execute


def main() -> None:
    """Play the run that the command line describes in a folder that is deleted."""
    config = compose(*sys.argv[1:], "logger=local", "quiet=true")
    with tempfile.TemporaryDirectory() as folder:
        execute(config, Path(folder) / "run")
    print(f"{time.process_time():.1f} s of process time, {seconds_of(config):.1f} s estimated")


if __name__ == "__main__":
    main()
