"""Where a run comes from: the software's version, its commit where known, and the command line."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from marl_comm.command_line.program import command_line
from marl_comm.plain_text import printable
from marl_comm.storage.versions import package_version

_PACKAGE = Path(__file__).resolve().parents[1]
_SECONDS = 5.0  # that git has


def origin(start: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what is written into `origin.json`, the same whenever the same command is given.

    Args:
        start: Which run it starts from, in plain values; None where it begins anew.
    """
    found: dict[str, Any] = {
        "marl_comm": package_version(),
        "commit": _commit_of_package(),
        "directory_commit": _commit(Path.cwd()),
        "command": printable(shlex.join(command_line(sys.argv))),
    }
    return found if start is None else {**found, "start_from": dict(start)}


@cache
def _commit_of_package() -> str | None:
    """Return the commit of the checkout that this package is run from, `-dirty` where changed."""
    if not (_PACKAGE.parent / ".git").exists():
        return None
    return _git(_PACKAGE, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


@cache
def _commit(folder: Path) -> str | None:
    """Return the commit of the repository that a folder is in."""
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None
    return _git(folder, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return printable(done.stdout.decode(errors="replace").strip()) or None
