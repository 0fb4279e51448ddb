"""How this program was started, and so by which name its help calls it."""

import sys
from pathlib import PurePath

CONSOLE_SCRIPT = "marl-comm"


def runs_a_command() -> bool:
    """Return whether Python is about to run one of the package's commands."""
    started = sys.argv[0] if sys.argv else ""
    return started == "-m" or PurePath(started).stem == CONSOLE_SCRIPT


def become(command: str) -> None:
    """Make the rest of `sys.argv` a command line of its own, that of a command of the script."""
    sys.argv = [f"{CONSOLE_SCRIPT} {command}", *sys.argv[2:]]


def program_name(otherwise: str) -> str:
    """Return the words that start this command: those of the console script, where it did."""
    started = sys.argv[0] if sys.argv else ""
    return started if started.startswith(f"{CONSOLE_SCRIPT} ") else otherwise
