"""The console script as installers write it, for tests that start it in a process of its own."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def write_script(directory: Path) -> Path:
    """Write `marl-comm` into a directory and return its path."""
    script = directory / "marl-comm"
    script.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "from marl_comm.command_line.main import main\n"
        "sys.exit(main())\n"
    )
    script.chmod(0o755)
    return script


def environment(*directories: Path) -> dict[str, str]:
    """Return an environment with this checkout's package, and with directories to start from."""
    path = os.pathsep.join([*map(str, directories), os.environ["PATH"]])
    return {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
