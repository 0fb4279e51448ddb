"""Text of anybody's making, fit for one line of a terminal."""

import json
from typing import Any

_LONGEST = 80  # characters of a key or value
_LONGEST_LINE = 800


def printable(text: str) -> str:
    """Return the text with whatever a terminal could not show, or would obey, as escapes."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def one_line(text: str) -> str:
    """Return the text in one line, cut where it is too long, and printable."""
    return printable(" ".join(text[:_LONGEST_LINE].split()))


def shown(value: Any) -> str:
    """Return a value as a user would recognise it, shortened where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except ValueError:  # an integer beyond Python's limit on digits
        text = "a number of too many digits"
    return shortened(text)


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return the text, cut where it is too long to read."""
    return text if len(text) <= longest else text[: longest - 3] + "..."
