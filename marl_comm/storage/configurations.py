"""Reading `config.yaml` of any run: plain values of sane size, whoever wrote the file."""

import math
from pathlib import Path
from typing import Any

import yaml

from marl_comm.errors import DamagedError
from marl_comm.storage.files import content_of

_LARGEST_FILE = 1 << 22  # bytes
_LARGEST_INTEGER = 2**64
_DEEPEST = 20  # mappings and lists in one another


class _Loader(yaml.SafeLoader):
    """YAML without aliases, which may nest without end or stand for more than any memory holds."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not used here")
        return super().compose_node(parent, index)


def read_configuration(file: Path) -> dict[str, Any]:
    """Return the values of a configuration, not yet checked against the settings.

    Raises:
        DamagedError: It cannot be read, or holds what no configuration holds.
        InputError: It is a link, a pipe, a directory or the like.
    """
    content = content_of(file, _LARGEST_FILE)
    try:
        tree = yaml.load(content.decode(), _Loader)
    # A ValueError is of text that is not UTF-8, of dates that do not exist, of endless integers.
    except (ValueError, TypeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DamagedError(f"cannot read {file}: it is not valid YAML ({reason})") from error
    if not isinstance(tree, dict):
        raise DamagedError(f"cannot read {file}: it must map names to values")
    if (problem := _problem(tree, _DEEPEST)) is not None:
        raise DamagedError(f"cannot read {file}: {problem}")
    return tree


def _problem(value: Any, depth: int) -> str | None:
    """Return what is wrong with a value, if anything is."""
    if isinstance(value, dict | list):
        if depth == 0:
            return "it is nested too deeply"
        if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
            return "its names must be text"
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return next((found for each in inner if (found := _problem(each, depth - 1))), None)
    if isinstance(value, str):
        surrogate = any("\ud800" <= character <= "\udfff" for character in value)
        return "it holds characters that do not exist" if surrogate else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return None if abs(value) < _LARGEST_INTEGER else "it holds an integer of too many digits"
    if isinstance(value, float):
        return None if math.isfinite(value) else "it holds a number that is not finite"
    return f"it holds a {type(value).__name__}"
