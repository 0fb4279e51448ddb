"""Continue interrupted runs.

No configuration is passed: the run directory holds it. The files end up with the same bytes as if
the run had never been interrupted.
"""

import os
import sys
from pathlib import Path

from marl_comm.command_line.arguments import Parser
from marl_comm.command_line.exits import ended, report
from marl_comm.command_line.program import program_name
from marl_comm.errors import InputError, NumbersError, OutputError
from marl_comm.plain_text import printable
from marl_comm.runs.closing import closing_lines
from marl_comm.runs.session import resume
from marl_comm.runs.trust import TRUST
from marl_comm.storage.files import SUMMARY


def main() -> int:
    """Resume the run directories of the command line, one after another; return the exit code.

    0: all are finished; 1: a result could not be written, or numbers are not finite; 2: not a run,
    or another process is at work on it; 130 or 143: interrupted again, and saved.
    """
    parser = Parser(prog=program_name("python -m marl_comm.resume"), description=__doc__)
    parser.add_argument("directories", metavar="RUN_DIR", type=Path, nargs="+")
    parser.add_argument("--trust", action="store_true", help=TRUST)
    parser.add_argument("--quiet", action="store_true", help="do not print the results")
    try:
        arguments = parser.parse_args()
    except InputError as error:
        return report(error)
    code = 0
    for directory in arguments.directories:
        try:
            finished = os.path.lexists(directory / SUMMARY)
            resume(directory, trust=arguments.trust)
            if finished:
                print(printable(f"finished before: {directory}"), file=sys.stderr)
            if not arguments.quiet:
                print("\n".join(closing_lines(directory)))
        except (InputError, NumbersError, OutputError) as error:
            code = report(error)
        except KeyboardInterrupt as error:
            return report(error)
    return code


if __name__ == "__main__":
    sys.exit(ended(main()))
