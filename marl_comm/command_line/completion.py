"""Tab completion in bash: the script, and what it asks for at each TAB in overrides.

Hydra's own script cannot be used: it takes the command of `marl-comm run` for an override.
"""

import argparse
import sys
from pathlib import Path

from marl_comm.command_line.arguments import Parser
from marl_comm.command_line.commands import COMMANDS
from marl_comm.command_line.exits import report
from marl_comm.command_line.program import program_name
from marl_comm.errors import InputError

_SCRIPT = Path(__file__).with_name("completion.bash")
_DESCRIPTION = """\
Print the script that makes bash complete commands, options, overrides and directories. For this
shell; put the line into ~/.bashrc for all later ones:

  eval "$(marl-comm completion bash)"
"""


def main() -> int:
    """Print what the command line asks for and return the exit code."""
    parser = Parser(
        prog=program_name("python -m marl_comm.command_line.completion"),
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("bash", "overrides"), help="`overrides` is for the script")
    parser.add_argument("line", nargs="?", default="", help="typed so far, up to the cursor")
    try:
        arguments = parser.parse_args()
    except InputError as error:
        return report(error)
    if arguments.what == "bash":
        print(bash_script(), end="")
    else:
        for answer in overrides_after(arguments.line):
            print(answer)
    return 0


def bash_script() -> str:
    """Return the script: the table of commands in bash's words, and the function that reads it."""
    options = {name: command.options for name, command in COMMANDS.items()}
    words = {name: command.words for name, command in COMMANDS.items()}
    values = {
        f"{name} {option}": choices
        for name, command in COMMANDS.items()
        for option, choices in command.values.items()
    }
    tables = {"options": options, "words": words, "values": values}
    lines = [f"_marl_comm_commands='{' '.join(COMMANDS)}'"]
    for table, entries in tables.items():
        cells = " ".join(f"['{key}']='{' '.join(row)}'" for key, row in entries.items())
        lines.append(f"declare -gA _marl_comm_{table}=({cells})")
    return "\n".join(lines) + "\n" + _SCRIPT.read_text(encoding="utf-8")


def overrides_after(line: str) -> list[str]:
    """Return how the last word of a command line can go on: whole words, in order.

    Args:
        line: A call of `marl-comm run` up to the cursor, such as "marl-comm run game=co". After a
            space a new word begins.
    """
    # Imported late: the script itself is printed whenever a shell starts.
    import hydra
    from hydra._internal.core_plugins.bash_completion import BashCompletion
    from hydra._internal.utils import get_args_parser
    from hydra.core.global_hydra import GlobalHydra

    from marl_comm.command_line import jobs  # noqa: F401  # values may need its resolver
    from marl_comm.command_line.composition import (
        CONFIG_DIRECTORY,
        CONFIG_NAME,
        HYDRA_VERSION_BASE,
    )
    from marl_comm.config.keys import options

    before = line.split()[2:]
    word = before.pop() if before and not line[-1].isspace() else ""
    typed = get_args_parser().parse_args(before)
    overrides = [*typed.overrides]
    if typed.config_dir is not None:
        overrides.append(f'hydra.searchpath=["file://{Path(typed.config_dir).absolute()}"]')
    # In a sweep a key has several values: the last one is asked for as if it were alone.
    key, is_value, value = word.partition("=")
    earlier, comma, last = value.rpartition(",")
    start = f"{key}{is_value}{earlier}{comma}"
    asked = f"{key}{is_value}{last}"
    with hydra.initialize_config_dir(str(CONFIG_DIRECTORY), version_base=HYDRA_VERSION_BASE):
        plugin = BashCompletion(GlobalHydra.instance().config_loader())
        sweep = ["--multirun"] if typed.multirun else []
        found = set(plugin._query(CONFIG_NAME, " ".join([*sweep, *overrides, asked])))
    # Hydra lists a group's own files only, not those in folders, such as mpe/simple_spread.
    found |= {f"{key}={name}" for name in options().get(key, []) if is_value and "/" in name}
    whole = {start + answer.removeprefix(f"{key}=") if is_value else answer for answer in found}
    return sorted(answer for answer in whole if answer.startswith(word) and not _spaced(answer))


def _spaced(answer: str) -> bool:
    return len(answer.split()) != 1


if __name__ == "__main__":
    sys.exit(main())
