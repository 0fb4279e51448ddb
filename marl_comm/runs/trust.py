"""Which code of others a run directory may run: what this user's own commands have run before.

A run names classes and environments by import path, with arguments. Resuming or evaluating it
imports and calls them, so that a directory from somebody else could run any command. What the
user's own commands name is noted in the user's state directory, out of any run directory's reach.
"""

import hashlib
import json
import logging
import os
import re
from pathlib import Path

from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.plain_text import one_line, shortened
from marl_comm.settings import Imported

_log = logging.getLogger(__name__)

TRUST = "import what the run names, whoever made it: its code runs with your rights"
"""What the commands say of their option `--trust`."""

_known_here: set[str] = set()
"""What this process has noted, should the state directory not be writable."""


def imports(config: RunConfig) -> list[str]:
    """Return what a run imports and calls: `game.class=a.b:C game.arguments={"d": 1}`."""
    found = []
    for group in type(config).model_fields:
        option = getattr(config, group)
        for name, field in getattr(type(option), "model_fields", {}).items():
            marks = [mark for mark in field.metadata if isinstance(mark, Imported)]
            if marks and not re.fullmatch(marks[0].harmless or "(?!)", getattr(option, name)):
                key = f"{group}.{field.alias or name}"
                arguments = getattr(option, "arguments", {})
                with_arguments = f" {group}.arguments={_plain(arguments)}" if arguments else ""
                found.append(f"{key}={getattr(option, name)}{with_arguments}")
    return found


def remember(config: RunConfig) -> None:
    """Note what a run imports that this user has started by a command."""
    for line in imports(config):
        _known_here.add(line)
        note = _note(line)
        try:
            if note is None:
                raise OSError(None, "there is no home directory")
            if not note.exists():
                note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                note.write_text(line, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            _log.warning(
                "cannot note in %s that this run is yours (%s): resuming it will need --trust",
                *(note, error.strerror),
            )


def refuse_foreign(config: RunConfig, file: Path) -> None:
    """Raise InputError where a run would import what no command of this user's has named.

    Args:
        config: Of the run.
        file: Where it was read.
    """
    foreign = [line for line in imports(config) if not _is_known(line)]
    if foreign:
        told = one_line(shortened(", ".join(foreign), longest=400))
        raise InputError(
            f"{file}: would import and call {told}, which no command of yours on this machine has "
            "named; add --trust if you trust whoever made this run"
        )


def _is_known(line: str) -> bool:
    note = _note(line)
    return line in _known_here or (note is not None and note.is_file())


def _note(line: str) -> Path | None:
    """Return the file whose presence says that this user has named an import; None without home."""
    digest = hashlib.sha256(line.encode(errors="surrogatepass")).hexdigest()
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    try:
        if not state.is_absolute():
            state = Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return state / "marl_comm" / "imports" / digest


def _plain(arguments: object) -> str:
    return json.dumps(arguments, sort_keys=True, default=repr)
