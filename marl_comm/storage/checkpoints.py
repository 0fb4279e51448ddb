"""Checkpoints: a run's whole state in one file, written atomically, checked when read.

A file is the SHA-256 digest of what follows it, then an `.npz` archive: the arrays of the state,
and one JSON text that says where each belongs. Reading one runs no code from it.
"""

import contextlib
import hashlib
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from marl_comm.arrays import AnyArray
from marl_comm.errors import DamagedError, InputError
from marl_comm.storage.arrays import Arrays
from marl_comm.storage.files import (
    CHECKPOINTS,
    content_of,
    remove_leftovers,
    settled,
    unreadable,
    unwritable,
    whole_file,
)

State = Any
"""Nested dicts (with string keys) and lists of numpy arrays, numbers, strings, booleans, None."""

_KEPT = 2  # so that one torn or damaged file loses no run
_NAME = re.compile(r"checkpoint_(\d{1,18})\.bin", re.ASCII)
_DIGEST_BYTES = hashlib.sha256().digest_size
_ARRAY = "__array__"

_log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints in a run directory's folder `checkpoints`."""

    def __init__(self, directory: Path) -> None:
        """Use (and make, when first saved to) the folder `checkpoints` of a run directory."""
        self._folder = directory / CHECKPOINTS

    def save(self, local_step: int, state: State) -> None:
        """Write a checkpoint, then remove all but the last two.

        Raises:
            InputError: The folder is a link.
            OutputError: The file cannot be written; earlier checkpoints are as they were.
        """
        payload = encode(state)
        self._refuse_a_link()
        try:
            if not self._folder.is_dir():
                self._folder.mkdir()
                settled(self._folder.parent)
        except OSError as error:
            raise unwritable(self._folder, error) from error
        remove_leftovers(self._folder)
        with whole_file(self._folder / f"checkpoint_{local_step}.bin") as file:
            file.write(hashlib.sha256(payload).digest() + payload)
        for old in self._files()[_KEPT:]:
            _remove(old)

    def latest(self) -> Path | None:
        """Return the file of the latest checkpoint; None where there is none."""
        return next(iter(self._files()), None)

    def readable(self) -> Iterator[tuple[Path, State]]:
        """Yield the checkpoints that can be read, latest first; warn of every other one.

        Raises:
            InputError: A file, or the folder, is a link, a pipe or the like.
        """
        for file in self._files():
            try:
                yield file, _loaded(file)
            except DamagedError as error:
                _log.warning("%s is damaged (%s): using the checkpoint before it", file, error)

    def load_latest(self) -> State | None:
        """Return the state of the latest readable checkpoint; None where there is none.

        Warns of every file that is passed over because it is damaged.
        """
        return next((state for _, state in self.readable()), None)

    def discard(self, after: int = -1) -> None:
        """Remove the checkpoints of all later local updates, which would hide those to come.

        Args:
            after: The last local update whose checkpoint stays; all go where none is given, since a
                finished run needs none.
        """
        for step, file in self._numbered():
            if step > after:
                _remove(file)
        if self._folder.is_dir():
            remove_leftovers(self._folder)
            with contextlib.suppress(OSError):
                self._folder.rmdir()

    def _files(self) -> list[Path]:
        """Return the checkpoint files, latest first."""
        return [file for _, file in self._numbered()]

    def _numbered(self) -> list[tuple[int, Path]]:
        """Return local updates and files of the checkpoints, latest first."""
        self._refuse_a_link()
        try:
            found = [(_NAME.fullmatch(file.name), file) for file in self._folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unreadable(self._folder, error) from error
        numbered = [(int(match[1]), file) for match, file in found if match]
        return sorted(numbered, reverse=True)

    def _refuse_a_link(self) -> None:
        if self._folder.is_symlink():
            raise InputError(f"{self._folder} is a link: the folders of a run must be its own")


def _remove(file: Path) -> None:
    """Remove a checkpoint; one that the system does not let go of costs a line, not the run."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("cannot remove %s: %s", file, error.strerror)


def encode(state: State) -> bytes:
    """Return a state as one `.npz` archive."""
    arrays: dict[str, AnyArray] = {}

    def without_arrays(value: State) -> State:
        if isinstance(value, np.ndarray):
            name = f"array_{len(arrays)}"
            arrays[name] = value
            return {_ARRAY: name}
        if isinstance(value, dict):
            return {key: without_arrays(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [without_arrays(entry) for entry in value]
        return value

    text = json.dumps(without_arrays(state))
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, state=np.frombuffer(text.encode(), np.uint8), **arrays)
    return stream.getvalue()


def _loaded(file: Path) -> State:
    content = content_of(file)
    digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest:
        raise DamagedError("it is not as it was written")
    return decode(payload)


def decode(payload: bytes) -> State:
    """Return the state that `encode` has made bytes of; no code in them is run.

    Raises:
        DamagedError: They hold none.
    """
    arrays = Arrays(payload, "its arrays")

    def with_arrays(value: State) -> State:
        if isinstance(value, dict):
            if value.keys() == {_ARRAY}:
                return arrays[value[_ARRAY]]
            return {key: with_arrays(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [with_arrays(entry) for entry in value]
        return value

    try:
        return with_arrays(json.loads(arrays["state"].tobytes()))
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedError("it holds no state") from error
