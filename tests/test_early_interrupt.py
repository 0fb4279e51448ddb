"""Ctrl-C before a command has even been imported."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from console import write_script

ROOT = Path(__file__).parents[1]
SLOW = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"


@pytest.mark.parametrize(
    ("command", "imported"),
    [("run", "hydra"), ("resume", "numpy"), ("sync", "numpy"), ("compare", "numpy")],
)
def test_ctrl_c_during_imports_takes_one_line(tmp_path: Path, command: str, imported: str) -> None:
    assert_ends_in_one_line(tmp_path, imported, [sys.executable, "-m", f"marl_comm.{command}"])


@pytest.mark.parametrize(
    ("command", "imported"),
    # The last one comes before the script even has its table of commands.
    [("run", "hydra"), ("evaluate", "torch"), ("figures", "matplotlib"), ("run", "dataclasses")],
)
def test_ctrl_c_during_imports_of_the_console_script_takes_one_line(
    tmp_path: Path, command: str, imported: str
) -> None:
    (tmp_path / "bin").mkdir()
    script = write_script(tmp_path / "bin")
    assert_ends_in_one_line(tmp_path, imported, [str(script), command])


def assert_ends_in_one_line(directory: Path, imported: str, command: list[str]) -> None:
    (directory / f"{imported}.py").write_text(SLOW)  # found before the real one
    ended = subprocess.run(
        [*command, "anything"],
        cwd=directory,
        env={"PYTHONPATH": os.pathsep.join([str(directory), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        # Jobs in a shell's background ignore Ctrl-C, and so would what they start.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert ended.stderr == "interrupted\n"
    assert ended.returncode == 130


def test_importing_the_package_leaves_errors_to_others() -> None:
    code = "import sys, marl_comm; assert sys.excepthook is sys.__excepthook__"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
