"""`hydra/launcher=slurm`, with a stand-in for SLURM's commands."""

import os
import re
import subprocess
import sys
from pathlib import Path

from marl_comm.command_line.composition import compose
from marl_comm.runs.session import execute

ROOT = Path(__file__).parents[1]
STAND_IN = Path(__file__).with_name("slurm_stand_in.py")
CODES = {"0": 255, "1": 143}
"""How a task ends that is out of time, as submitit has it, and one that is preempted."""
JOB = ("samples_per_round=50", "max_local_steps=1000", "logger=local", "checkpoint_seconds=0.05")


def test_an_array_ends_well_whose_tasks_run_out_of_time_or_lose_their_place(tmp_path: Path) -> None:
    stand_ins, state, sweep = tmp_path / "bin", tmp_path / "state", tmp_path / "sweep"
    for folder in (stand_ins, state):
        folder.mkdir()
    for name in ("sbatch", "srun", "scontrol", "sacct"):
        text = f'#!/bin/bash\nexec {sys.executable} {STAND_IN} {name} "$@"\n'
        (stand_ins / name).write_text(text)
        (stand_ins / name).chmod(0o755)
    words = ["hydra/launcher=slurm", "seed=range(2)", *JOB, f"hydra.sweep.dir={sweep}"]
    ended = subprocess.run(
        [sys.executable, "-m", "marl_comm.run", "-m", *words],
        env={
            **os.environ,
            "PATH": f"{stand_ins}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "SLURM_STAND_IN": str(state),
            "SLURM_STAND_IN_SWEEP": str(sweep),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    logs = "\n".join(file.read_text() for file in state.glob("*.log"))
    assert ended.returncode == 0, ended.stderr + logs
    turns = [line.split() for line in (state / "turns").read_text().splitlines()]
    for task in ("0", "1"):
        codes = [code for of, _, code in turns if of == task]
        assert len(codes) == 2, "one turn that was cut short, and one more"
        assert codes[1] == "0"
        assert "Traceback" not in (state / f"{task}.log").read_text()
        assert codes[0] == str(CODES[task])
    (said,) = re.findall("^.*SIGTERM: .*$", (state / "1.log").read_text(), re.MULTILINE)
    assert said == "interrupted by SIGTERM: saved; the same command again continues the sweep"
    script = (state / "script").read_text()
    for line in ("--requeue", "--signal=USR2@120", "--cpus-per-task=1", "--array=0-1%2"):
        assert f"#SBATCH {line}\n" in script
    for seed in range(2):
        alone = tmp_path / f"alone_{seed}"
        execute(compose(f"seed={seed}", *JOB), alone)
        (job,) = sweep.glob(f"seed={seed},*/metrics.jsonl")
        assert job.read_bytes() == (alone / "metrics.jsonl").read_bytes()
