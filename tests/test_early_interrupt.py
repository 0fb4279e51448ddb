"""Ctrl-C before a command has even been imported."""

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SLOW = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"


@pytest.mark.parametrize(
    ("command", "imported"),
    [("run", "hydra"), ("resume", "numpy"), ("sync", "numpy"), ("compare", "numpy")],
)
def test_ctrl_c_during_imports_takes_one_line(tmp_path: Path, command: str, imported: str) -> None:
    (tmp_path / f"{imported}.py").write_text(SLOW)  # found before the real one
    ended = subprocess.run(
        [sys.executable, "-m", f"marl_comm.{command}", "anything"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
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
