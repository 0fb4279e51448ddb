"""Command lines of flags and words, whose mistakes are told in one line."""

import argparse
from typing import NoReturn

from marl_comm.errors import InputError
from marl_comm.plain_text import one_line, shortened

_LONGEST = 300  # characters about a mistake


class Parser(argparse.ArgumentParser):
    """Raises InputError where argparse would print its usage, and what was typed as it is."""

    def error(self, message: str) -> NoReturn:
        """Tell a mistake.

        Args:
            message: argparse's.

        Raises:
            InputError: Always.
        """
        raise InputError(f"{one_line(shortened(message, _LONGEST))}; --help lists what is allowed")
