"""How this program was started, and so by which name its help calls it."""

import shlex
import sys
from collections.abc import Sequence
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


def typed(command: str, *words: str) -> str:
    """Return a command line as its user would type it, called as this program was.

    Args:
        command: One of the console script's.
        words: Its arguments.
    """
    module = f"python -m marl_comm.{command.replace('-', '_')}"
    by_script = program_name("").startswith(CONSOLE_SCRIPT)
    return shlex.join([*(f"{CONSOLE_SCRIPT} {command}" if by_script else module).split(), *words])


def command_line(words: Sequence[str]) -> list[str]:
    """Return the words that started this program, as they would be typed.

    Args:
        words: `sys.argv`; Python has replaced the name of a module by its file.
    """
    if not words:
        return []
    started = PurePath(words[0])
    if words[0].startswith(f"{CONSOLE_SCRIPT} "):
        return [*words[0].split(), *words[1:]]
    if started.parent.name == __package__.partition(".")[0]:
        return ["python", "-m", f"{started.parent.name}.{started.stem}", *words[1:]]
    return ["python", *words] if started.suffix == ".py" else [*words]
