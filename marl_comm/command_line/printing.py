"""How messages of Hydra, of W&B and of this package come onto the console."""

import logging

from marl_comm.plain_text import printable


class Printable(logging.Formatter):
    """Writes a message in lines that hold nothing which a terminal would obey."""

    def __init__(self, format: str) -> None:  # noqa: A002 (as logging's configuration calls it)
        """Take the format, in percent signs."""
        super().__init__(format)

    def format(self, record: logging.LogRecord) -> str:
        """Return the message, and a traceback where the record has one."""
        lines = super().format(record).replace("\t", " ").split("\n")
        return "\n".join(printable(line) for line in lines)
