"""`marl-comm`, the one command over all others; it imports only the command that is asked for.

marl-comm run game=coverage algorithm=base_policy_prediction num_seeds=20
"""

import importlib
import sys

from marl_comm.command_line import program
from marl_comm.command_line.commands import COMMANDS
from marl_comm.command_line.exits import ended, report
from marl_comm.errors import InputError

_USAGE = """\
Experiments on cooperative multi-agent learning when communication is scarce.

usage: marl-comm COMMAND ...
       marl-comm COMMAND --help    describes a command and its arguments
       marl-comm --version

commands:
"""
_LONGEST = 80  # characters of what was typed


def main() -> int:
    """Run the command that `sys.argv` names and return its exit code; 2 for an unknown one."""
    try:
        return ended(_run(sys.argv[1:]))
    except (InputError, KeyboardInterrupt) as error:
        return report(error)


def _run(arguments: list[str]) -> int:
    if not arguments:
        raise InputError(f"name a command: {', '.join(COMMANDS)}; marl-comm --help explains them")
    name = arguments[0]
    if name in ("-h", "--help"):
        print(_USAGE + "\n".join(f"  {each:<12}{COMMANDS[each].summary}" for each in COMMANDS))
        return 0
    if name == "--version":
        from importlib.metadata import version

        print(version("marl_comm"))
        return 0
    if name not in COMMANDS:
        raise InputError(_unknown(name))
    program.become(name)
    code: int = importlib.import_module(COMMANDS[name].module).main()
    return code


def _unknown(name: str) -> str:
    import difflib

    typed = ascii(name if len(name) <= _LONGEST else name[: _LONGEST - 3] + "...")
    if "=" in name:
        return f"{typed}: unknown command, did you mean marl-comm run {typed}?"
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"{typed}: unknown command, must be one of {', '.join(COMMANDS)}{hint}"
