"""How a command ends: exit codes, and what its user reads about an error."""

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType

from marl_comm.errors import GroupError, InputError, LaunchError, NumbersError, OutputError
from marl_comm.plain_text import printable
from marl_comm.runs.interruption import Interrupted

FAILURE = 1
BAD_INPUT = 2
INTERRUPTED = 130  # as shells report a process ended by Ctrl-C

_FORESEEN = (GroupError, InputError, LaunchError, NumbersError, OutputError)

RAISE_ERRORS = "HYDRA_FULL_ERROR"
SET_BY_PROGRAM = "MARL_COMM_SETS_HYDRA_FULL_ERROR"
"""Set beside the variable where it is the program that sets it, for its jobs inherit both."""

# Read at import: later the variable is set to make Hydra raise its errors.
_FULL_ERRORS = os.environ.get(RAISE_ERRORS) == "1" and SET_BY_PROGRAM not in os.environ

# Started with a closed console, Python has none at all, which libraries do not reckon with.
for _console in ("stdout", "stderr"):
    if getattr(sys, _console) is None:
        setattr(sys, _console, Path(os.devnull).open("w"))  # noqa: SIM115 (stays open)


def tell_early_endings() -> None:
    """Make Ctrl-C and bad input end this process in one line while modules are being imported.

    Options are found at import: one that leaves something out is told then.
    """
    usual = sys.excepthook

    def tell(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, KeyboardInterrupt | InputError):
            usual(kind, error, traceback)
            return
        code = report(error)
        sys.stderr.flush()
        os._exit(code)  # otherwise Python ends itself by the signal

    sys.excepthook = tell


def ended(code: int) -> int:
    """Write out what was printed, and return the exit code: a failure where that cannot be done.

    Args:
        code: Of the command that has ended.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # Python would try again at its end, and fail with lines of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or report(error)
    return code


def report(error: BaseException) -> int:
    """Say on stderr what went wrong, and return the exit code.

    What the program has foreseen takes one line. The traceback is for defects of the program,
    and for users who have set HYDRA_FULL_ERROR=1.
    """
    if isinstance(error, BrokenPipeError):  # as by `| head`, which needs no word
        return FAILURE
    expected = isinstance(error, (*_FORESEEN, KeyboardInterrupt, OSError))
    if _FULL_ERRORS or not expected:
        traceback.print_exception(error)
    if isinstance(error, Interrupted):
        print(f"interrupted by {error}: {error.left}", file=sys.stderr)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{error.filename}: "
        print(printable(f"error: {where}{error.strerror or error}"), file=sys.stderr)
    elif expected:
        print(printable(f"error: {error}"), file=sys.stderr)
    return BAD_INPUT if isinstance(error, InputError) else FAILURE
