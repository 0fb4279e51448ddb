"""Hydra's and OmegaConf's errors, which span many lines, told in one."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from marl_comm.command_line.plugins import how_to_install
from marl_comm.config.keys import options
from marl_comm.config.messages import unknown_key, unknown_option
from marl_comm.errors import InputError
from marl_comm.plain_text import one_line, shortened

_UNKNOWN_KEY = re.compile(r"Could not override '([^']+)'")
_UNKNOWN_DELETED_KEY = re.compile(r"Could not delete from config. '([^']+)' does not exist")
_SEVERAL_VALUES = re.compile(
    r"(?:Ambiguous value for argument|Sweep parameters) '(.+?)'(?:\n| requires)", re.DOTALL
)
# What follows these lines helps developers of Hydra applications, not their users.
_DETAILS = re.compile(
    r"\n\s*(?:See https?:|full_key:|object_type=|reference_type=|Config search path:|Search path:)"
)


@contextmanager
def hydra_errors_as_input_errors() -> Iterator[None]:
    """Turn whatever Hydra raises while it composes into an InputError of one line."""
    try:
        yield
    except InputError:
        raise
    # Besides its own errors Hydra lets through those of parsers, YAML files and resolvers.
    except Exception as error:
        raise as_input_error(error) from error


def as_input_error(error: Exception) -> InputError:
    """Return the InputError that tells an error of Hydra's in one line."""
    return InputError(one_line(_explained(error)))


def _explained(error: Exception) -> str:
    text = str(error)
    if isinstance(error, MissingConfigException):
        if install := how_to_install(error.missing_cfg_file or ""):
            return install
        if error.options is not None:
            return _unknown_option(error.missing_cfg_file or "", list(error.options))
    if isinstance(error, OverrideParseException):
        return (
            f"{shortened(error.override.strip()) or 'an empty argument'}: cannot be read as "
            "key=value; quote characters that are special in Hydra's grammar, as in 'key=\"a, b\"'"
        )
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return "the overrides contain a key or an option that is longer than any file name"
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f"{error.filename}: {error.strerror}; hydra.run.dir and hydra.sweep.dir must be "
            "directories that can be made and written to"
        )
    for pattern in (_UNKNOWN_KEY, _UNKNOWN_DELETED_KEY):
        if found := pattern.search(text):
            return unknown_key(found[1])
    if found := _SEVERAL_VALUES.search(text):
        return (
            f"{shortened(found[1])}: several values need a sweep, add -m; a list is typed key=[a,b]"
        )
    cause = error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        return f"{_essence(text)}: {_essence(str(cause))}"
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        return f"{error.full_key}: {_essence(text)}"
    return _essence(text) or f"Hydra cannot use its settings ({type(error).__name__})"


def _unknown_option(missing: str, allowed: list[str]) -> str:
    groups = [group for group in options() if missing.startswith(f"{group}/")]
    group = groups[0] if groups else missing.rpartition("/")[0]
    # Hydra lists a group's own files only, not those in folders, such as mpe/simple_spread.
    nested = [name for name in options().get(group, []) if "/" in name]
    return unknown_option(group, missing.removeprefix(f"{group}/"), sorted([*allowed, *nested]))


def _essence(text: str) -> str:
    found = _DETAILS.search(text)
    return text[: found.start()] if found else text
