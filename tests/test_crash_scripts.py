"""The scripts that kill runs and sweeps, and damage what they leave, in short form."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


def lines_of(script: str, *arguments: str) -> list[str]:
    finished = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *arguments],
        cwd=SCRIPTS.parent,
        env={**os.environ, "PYTHONPATH": str(SCRIPTS.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout.splitlines()


def test_a_killed_sweep_goes_on_and_runs_nothing_twice():
    (line,) = lines_of("sweep_test.py", "--jobs", "5", "--kills", "2")
    assert "5 of 5 jobs finished, 0 of them run twice, 5 equal to the byte" in line
    assert line.endswith("closing table complete")


def test_killed_runs_of_both_kinds_end_as_if_left_alone():
    told = "\n".join(lines_of("crash_test.py", "--short"))  # with a progress bar in it
    for kind, kills in (("tabular", 2), ("mappo", 1)):
        line = rf"^{kind}: {kills} kills in (\d+) runs, (\d+) of \2 equal to the byte$"
        assert re.search(line, told, re.MULTILINE), told


@pytest.mark.parametrize(("kind", "every"), [("tabular", 5), ("mappo", 12)])
def test_killed_at_any_write_a_run_and_a_job_end_as_if_left_alone_and_leave_nothing_else(
    kind: str, every: int
) -> None:
    line = lines_of("kill_at_each_write.py", "--only", kind, "--every", str(every))[-1]
    assert re.fullmatch(
        r"\d\d+ kills, 0 runs that did not end as the one that was left alone", line
    )


def test_command_lines_right_and_wrong_end_as_documented():
    (line,) = lines_of("command_line_test.py", "--lines", "100")
    assert line.startswith("100 command lines, 0 taken badly; exit codes {0: ")


def test_damaged_runs_are_refused_in_one_line_or_make_no_difference():
    (line,) = lines_of("damage_test.py", "--mutations", "60")
    assert line.startswith("60 damages, 0 taken badly; exit codes {0: ")
