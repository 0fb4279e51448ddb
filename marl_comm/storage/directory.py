"""Run directories: claimed by one run, each file in them written whole or not at all.

The format is described in docs/run_directory.md.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import yaml

from marl_comm.arrays import AnyArray
from marl_comm.command_line.program import typed
from marl_comm.errors import InputError
from marl_comm.storage.digests import with_digests
from marl_comm.storage.files import (
    CONFIG,
    FINAL,
    METRICS,
    ORIGIN,
    START,
    SUMMARY,
    locked,
    remove_leftovers,
    whole_file,
)


@dataclass(frozen=True)
class RunDirectory:
    """A directory that belongs to this process alone, for as long as this object is open.

    Made by `claim` or `reopen`. What tells processes apart is a lock on the metrics file, which
    the system takes back from a process that dies.

    Attributes:
        path: The directory.
    """

    path: Path
    _locked: FileIO

    @classmethod
    def claim(cls, path: Path) -> Self:
        """Make the directory where needed and take it for a new run, with an empty metrics file.

        Nothing in the directory is touched when it cannot be claimed.

        Args:
            path: Where the run is to go; need not exist.

        Raises:
            InputError: The directory holds a run already, or cannot be written to.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            _refuse_a_run(path)
            directory = cls(path, locked(path / METRICS))
            # Whoever held the lock a moment ago may have left a run.
            _refuse_a_run(path)
            remove_leftovers(path)
        except FileExistsError as error:
            raise _unusable(path, "exists and is not a directory") from error
        except OSError as error:
            raise _unusable(path, f"cannot be written ({error.strerror})") from error
        return directory

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Take a directory that holds a run.

        Raises:
            InputError: It holds none, cannot be written to, or another process is at work on it.
        """
        refuse_no_run(path)
        try:
            directory = cls(path, locked(path / METRICS))
            remove_leftovers(path)
            return directory
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror})") from error

    def __enter__(self) -> Self:
        """Use `with`: the directory is given back however the block ends."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let other processes have it."""
        self._locked.close()

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write the resolved configuration.

        Args:
            config: Mappings, lists, strings, numbers, booleans and None only.

        Raises:
            OutputError: The file cannot be written.
        """
        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        with whole_file(self.path / CONFIG, settle=False) as file:
            file.write(text.encode())

    def write_origin(self, origin: Mapping[str, Any]) -> None:
        """Write where the run comes from: call it before the configuration is written.

        Args:
            origin: Plain values.

        Raises:
            OutputError: The file cannot be written.
        """
        with whole_file(self.path / ORIGIN, settle=False) as file:
            file.write((to_json(origin, indent=2) + "\n").encode())

    def write_start(self, arrays: Mapping[str, AnyArray]) -> None:
        """Write what seeds begin with: call it before the configuration is written.

        Args:
            arrays: By name; as `write_final`.

        Raises:
            OutputError: The file cannot be written.
        """
        self._write_arrays(START, arrays)

    def write_final(self, arrays: Mapping[str, AnyArray]) -> None:
        """Write arrays, in the order given; equal arrays make equal bytes.

        Args:
            arrays: What was learned and the arrays that define the game, by name.

        Raises:
            OutputError: The file cannot be written.
        """
        self._write_arrays(FINAL, arrays)

    def _write_arrays(self, name: str, arrays: Mapping[str, AnyArray]) -> None:
        # The memory layout is part of the format, so it must not depend on how arrays were made.
        ordered: dict[str, Any] = {
            name: np.asarray(array, order="C") for name, array in arrays.items()
        }
        with whole_file(self.path / name, settle=False) as file:
            np.savez(file, **ordered)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write the summary, which marks the run as finished: call it last.

        Raises:
            OutputError: The file cannot be written.
        """
        plain = json.loads(to_json(summary))
        with whole_file(self.path / SUMMARY) as file:
            file.write((to_json(with_digests(plain, self.path), indent=2) + "\n").encode())


def to_json(value: Any, indent: int | None = None) -> str:
    """Return standard JSON: NaN and infinities become null, numpy scalars plain numbers."""
    separators = (",", ":") if indent is None else (",", ": ")

    def dump(plain: Any) -> str:
        return json.dumps(
            plain,
            allow_nan=False,
            indent=indent,
            separators=separators,
            default=np.generic.item,
            ensure_ascii=False,
        )

    try:
        return dump(value)
    except ValueError:  # there is a NaN somewhere, which is rare: look for it only now
        return dump(_without_nonfinite(value))


def _without_nonfinite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nonfinite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nonfinite(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def refuse_no_run(path: Path) -> None:
    """Raise InputError where a directory holds no run."""
    if not os.path.lexists(path / CONFIG):
        raise InputError(f"{path} holds no run: there is no {CONFIG} in it")


def _refuse_a_run(path: Path) -> None:
    for name in (CONFIG, SUMMARY, FINAL, METRICS):
        file = path / name
        # A process that was killed at once leaves metrics without a line: nothing to protect.
        if os.path.lexists(file) and (name != METRICS or file.lstat().st_size > 0):
            go_on = typed("resume", str(path))
            raise _unusable(path, f"already holds a run ({name}), to continue it: {go_on}")


def _unusable(path: Path, reason: str) -> InputError:
    return InputError(
        f"hydra.run.dir={path}: {reason}; allowed: a new directory, or one that holds no run"
    )
