"""Checkpoints: a run's whole state in one file, written atomically, checked when read.

A file is the SHA-256 digest of what follows it, then an `.npz` archive: the arrays of the state,
and one JSON text that says where each belongs. Reading one runs no code from it.
"""

import hashlib
import io
import json
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np

from marl_comm.arrays import AnyArray
from marl_comm.storage.files import unwritable, whole_file

State = Any
"""Nested dicts (with string keys) and lists of numpy arrays, numbers, strings, booleans, None."""

_KEPT = 2  # so that one torn or damaged file loses no run
_NAME = re.compile(r"checkpoint_(\d+)\.bin")
_DIGEST_BYTES = hashlib.sha256().digest_size
_ARRAY = "__array__"

_log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints in a run directory's folder `checkpoints`."""

    def __init__(self, directory: Path) -> None:
        """Use (and make, when first saved to) the folder `checkpoints` of a run directory."""
        self._folder = directory / "checkpoints"

    def save(self, local_step: int, state: State) -> None:
        """Write a checkpoint, then remove all but the last two.

        Raises:
            OutputError: The file cannot be written; earlier checkpoints are as they were.
        """
        payload = _encode(state)
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self._folder, error) from error
        for leftover in self._folder.glob(".*.part"):
            leftover.unlink(missing_ok=True)
        with whole_file(self._folder / f"checkpoint_{local_step}.bin") as file:
            file.write(hashlib.sha256(payload).digest() + payload)
        for old in self._files()[_KEPT:]:
            old.unlink(missing_ok=True)

    def latest(self) -> Path | None:
        """Return the file of the latest checkpoint; None where there is none."""
        return next(iter(self._files()), None)

    def load_latest(self) -> State | None:
        """Return the state of the latest readable checkpoint; None where there is none.

        Warns of every file that is passed over because it is damaged.
        """
        for file in self._files():
            content = file.read_bytes()
            digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
            if hashlib.sha256(payload).digest() == digest:
                return _decode(payload)
            _log.warning("%s is damaged: using the checkpoint before it", file)
        return None

    def discard(self) -> None:
        """Remove all checkpoints: a finished run needs none."""
        for file in self._files():
            file.unlink(missing_ok=True)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _files(self) -> list[Path]:
        """Return the checkpoint files, latest first."""
        if not self._folder.is_dir():
            return []
        found = [(_NAME.fullmatch(file.name), file) for file in self._folder.iterdir()]
        numbered = [(int(match[1]), file) for match, file in found if match]
        return [file for _, file in sorted(numbered, reverse=True)]


def _encode(state: State) -> bytes:
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


def _decode(payload: bytes) -> State:
    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:

        def with_arrays(value: State) -> State:
            if isinstance(value, dict):
                if value.keys() == {_ARRAY}:
                    return archive[value[_ARRAY]]
                return {key: with_arrays(entry) for key, entry in value.items()}
            if isinstance(value, list):
                return [with_arrays(entry) for entry in value]
            return value

        return with_arrays(json.loads(archive["state"].tobytes()))
