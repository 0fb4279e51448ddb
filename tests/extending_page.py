"""The page docs/extending.md, taken apart: its files, its commands."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
_TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"(?:^`(\w+\.py)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_FOUND = [match.groups() for match in _BLOCK.finditer(_TEXT)]

FILES: dict[str, str] = {name: text for name, language, text in _FOUND if name}
"""What the page says to save, by the name of the file."""

COMMANDS: list[list[str]] = [
    shlex.split(line)
    for _, language, text in _FOUND
    if language == "bash"
    for line in text.replace("\\\n", "").splitlines()
]
"""Every command, in the order of the page; the last one is of the game inside the package."""


def _only(language: str) -> str:
    (text,) = [text for name, found, text in _FOUND if not name and found == language]
    return text


OPTION_PATH, OPTION_FILE = re.findall(r"^`(\S+\.yaml)`:\n\n```\n(.*?)^```$", _TEXT, re.M | re.S)[0]
"""The values that give a schedule outside the package a name, and where they are saved."""

SETTINGS_INSIDE, YAML_INSIDE, LINE_INSIDE = _only("python"), _only("yaml"), _only("text")


def write_files(directory: Path) -> Path:
    """Write the page's files into a directory and return it."""
    directory.mkdir(exist_ok=True)
    for name, text in FILES.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def file_inside() -> str:
    """Return the file that the page puts into the package: rules and settings of a stag hunt."""
    first_line, _, rules = FILES["hunts.py"].partition("\n")
    imports, _, settings = SETTINGS_INSIDE.partition("\n\n\n")
    rules = rules.replace("class StagHunt(", "@final\nclass StagHunt(")
    return f"{first_line}\n\n{imports}\n{rules}\n\n{settings}"


def command_of(option: str) -> list[str]:
    """Return the page's first command that has an override."""
    return next(command for command in COMMANDS if option in command)
