"""The scripts of docs/cluster.md, with stand-ins for SLURM's commands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_crash_scripts import lines_of

from marl_comm.command_line.composition import compose
from marl_comm.runs.session import execute

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```bash\n(#!/bin/bash\n.*?)```", PAGE, re.DOTALL)
COMPARED = ("metrics.jsonl", "final.npz", "summary.json", "config.yaml")

# Starts a script, and again for as long as it asks to be requeued, at most 20 times.
SBATCH = """#!/bin/bash
export SLURM_JOB_ID=1
for turn in $(seq 20); do
    rm -f requeued
    bash "$1"
    code=$?
    echo "$code" >> turns
    [ -e requeued ] || exit "$code"
done
"""
# The time is up after a while, at first.
SRUN = """#!/bin/bash
"$@" &
step=$!
if [ "$(cat turns 2>/dev/null | grep -c 143)" -lt 2 ]; then
    for wait in $(seq 400); do
        [ -n "$(find outputs -name 'checkpoint_*.bin' 2>/dev/null)" ] && break
        sleep 0.05
    done
    sleep 0.1
    kill -TERM "$step"
fi
wait "$step"
"""
SCONTROL = """#!/bin/bash
[ "$1 $2" = "requeue 1" ] && touch requeued
"""


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """An environment in which SLURM's commands are stand-ins, and `python` is this one."""
    stand_ins = tmp_path / "bin"
    stand_ins.mkdir()
    for name, text in (("sbatch", SBATCH), ("srun", SRUN), ("scontrol", SCONTROL)):
        (stand_ins / name).write_text(text)
        (stand_ins / name).chmod(0o755)
    (stand_ins / "python").symlink_to(sys.executable)
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{stand_ins}{os.pathsep}{os.environ['PATH']}",
    }


def submit(directory: Path, script: str, slurm: dict[str, str]) -> list[str]:
    """Submit a script in a directory; return the exit code of each of its turns."""
    # The same interpreter, whose environment a link to it would not find.
    script = script.replace("srun python", f"srun {sys.executable}")
    (directory / "script").write_text(script)
    ended = subprocess.run(
        ["sbatch", "script"],
        cwd=directory,
        env=slurm,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return (directory / "turns").read_text().split()


def test_a_run_that_is_requeued_goes_on_to_the_same_bytes(
    tmp_path: Path, slurm: dict[str, str]
) -> None:
    settings = ["num_seeds=5", "logger=local", "max_local_steps=2000"]
    script = SCRIPTS[0].replace("num_seeds=20 logger=local", " ".join(settings))
    assert submit(tmp_path, script, slurm) == ["143", "143", "0"]
    execute(compose("game=congestion", *settings), tmp_path / "alone")
    for name in COMPARED:
        assert (tmp_path / "outputs" / "my_run" / name).read_bytes() == (
            tmp_path / "alone" / name
        ).read_bytes()
    before = (tmp_path / "outputs" / "my_run" / "summary.json").stat().st_mtime_ns
    assert submit(tmp_path, script, slurm)[3:] == ["0"]
    assert (tmp_path / "outputs" / "my_run" / "summary.json").stat().st_mtime_ns == before


def test_a_sweep_costs_little_beside_its_runs() -> None:
    """As the page says, with room for slower machines; in seconds of a core, not of the clock."""
    (told,) = lines_of("sweep_overhead.py", "--jobs", "50")
    found = re.search(r"([\d.-]+) s of overhead a job; launched again ([\d.]+) s", told)
    assert found, told
    assert float(found[1]) < 0.1
    assert float(found[2]) < 5.0
    page = re.search(r"(0\.\d+) s a job in one process[^.]* and (\d\.\d) s in all", PAGE)
    assert page
    assert float(page[1]) < 0.1
    assert float(page[2]) < 5.0


def test_a_sweep_that_is_requeued_goes_on(tmp_path: Path, slurm: dict[str, str]) -> None:
    script = SCRIPTS[1].replace('seed="range(40)"', 'seed="range(3)" max_local_steps=2000')
    assert submit(tmp_path, script, slurm) == ["143", "143", "0"]
    assert len(list((tmp_path / "outputs" / "my_sweep").glob("*/summary.json"))) == 3
