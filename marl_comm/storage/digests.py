"""What binds the files of a run together: their SHA-256 digests."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marl_comm.errors import DamagedError
from marl_comm.storage.files import (
    CONFIG,
    FINAL,
    METRICS,
    START,
    SUMMARY,
    content_of,
    opened,
    unreadable,
)

DIGESTS = "digests"
"""The field of `summary.json` that holds the digests of the run's files, by name."""

_BLOCK = 1 << 20  # bytes read at a time


class Prefix:
    """The digest of a file's first bytes, which may go on growing."""

    def __init__(self, file: Path, size: int = 0) -> None:
        """Read the first `size` bytes of a file.

        Raises:
            DamagedError: It is shorter, or cannot be read.
            InputError: It is a link, a pipe, a directory or the like.
        """
        self._sum = hashlib.sha256()
        self.size = 0
        try:
            with opened(file) as stream:
                while self.size < size and (block := stream.read(min(_BLOCK, size - self.size))):
                    self.add(block)
        except OSError as error:
            raise unreadable(file, error) from error
        if self.size < size:
            raise DamagedError(f"{file} ends after {self.size} bytes, and not {size}")

    def add(self, content: bytes) -> None:
        """Take in what follows."""
        self._sum.update(content)
        self.size += len(content)

    @property
    def digest(self) -> str:
        """In hexadecimal digits."""
        return self._sum.hexdigest()


def digest_of(file: Path) -> str:
    """Return the digest of a file in hexadecimal digits; raises as `content_of`."""
    try:
        with opened(file) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(file, error) from error


def with_digests(summary: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Return a summary with the digests of the run's files, its own included.

    Args:
        summary: Plain values, as JSON reads back.
        directory: Of the run, whose other files are complete.
    """
    plain = {name: value for name, value in summary.items() if name != DIGESTS}
    files = [name for name in (CONFIG, START, METRICS, FINAL) if (directory / name).exists()]
    digests = {name: digest_of(directory / name) for name in files}
    return {**plain, DIGESTS: {**digests, SUMMARY: _of_summary({**plain, DIGESTS: digests})}}


def read_summary(directory: Path) -> dict[str, Any]:
    """Return the summary of a finished run.

    Raises:
        DamagedError: It cannot be read, or is not as it was written.
        InputError: It is a link, a pipe, a directory or the like.
    """
    file = directory / SUMMARY
    content = content_of(file)
    try:
        summary = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"cannot read {file}: it is not valid JSON") from error
    seeds = summary.get("seeds") if isinstance(summary, dict) else None
    if not isinstance(seeds, list) or not all(isinstance(seed, dict) for seed in seeds):
        raise DamagedError(f"cannot read {file}: it has no list of seeds")
    digests = summary.get(DIGESTS)
    # Version 0.1.0 wrote none.
    if digests is not None:
        own = digests.get(SUMMARY) if isinstance(digests, dict) else None
        others = {**digests} if isinstance(digests, dict) else {}
        others.pop(SUMMARY, None)
        if own is None or own != _of_summary({**summary, DIGESTS: others}):
            raise DamagedError(f"cannot read {file}: it is not as it was written")
    return dict(summary)


def refuse_changed(directory: Path, summary: Mapping[str, Any], *names: str) -> None:
    """Raise DamagedError where a file is not the one that the summary was written with.

    Args:
        directory: Of the run.
        summary: As `read_summary` returns it; without digests nothing is refused.
        names: Of the files; all that the summary knows where none is given.
    """
    digests = summary.get(DIGESTS, {})
    for name in names or [name for name in digests if name != SUMMARY]:
        if name in digests and digest_of(directory / name) != digests[name]:
            raise DamagedError(
                f"cannot read {directory / name}: it is not the one that {SUMMARY} was written with"
            )


def _of_summary(summary: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(summary, sort_keys=True).encode()).hexdigest()
