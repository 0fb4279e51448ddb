"""`metrics.jsonl` read back into arrays; docs/run_directory.md has the format."""

import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic_core import from_json

from marl_comm.arrays import Array
from marl_comm.errors import DamagedError
from marl_comm.loggers.local import FIELDS
from marl_comm.storage.files import METRICS, SUMMARY, opened, unreadable

_CUMULATIVE = ("round", "local_step", "samples", "bytes_up", "bytes_down")
_LARGEST_COUNT = 2.0**63
# Lines are turned into arrays in blocks so that a long log never exists as millions of objects.
_LINES_PER_BLOCK = 20_000


class Fields(NamedTuple):
    """Which fields of a point are read.

    Attributes:
        required: Those that every point has.
        finite: Those of them that are numbers in every point, not null.
        further: Whether all others are read as well, nan in the points that lack them.
    """

    required: tuple[str, ...]
    finite: tuple[str, ...] = ()
    further: bool = False


OF_TABLES = Fields(FIELDS, finite=("nash_gap",))
"""Of tabular games, whose policies are evaluated exactly."""

OF_STAGES = OF_TABLES._replace(further=True)
"""Of Markov games learned stage by stage: their logs have the error of each stage as well."""

OF_ENVIRONMENTS = Fields(
    ("seed", *_CUMULATIVE, "ess", "divergence", "evaluation_sampled_return"), further=True
)
"""Of environments: returns are null between evaluations, other figures where they do not apply."""


def read_metrics(directory: Path, fields: Fields = OF_TABLES) -> dict[int, dict[str, Array]]:
    """Read `metrics.jsonl`: for each seed an array (points,) for each field.

    The torn last line of a run that was killed is ignored; in a finished run it is an error.

    Args:
        directory: Of the run.
        fields: Which fields to read; null is nan.

    Raises:
        DamagedError: The file or a line of it cannot be read, or a cumulative count falls.
    """
    path = directory / METRICS
    finished = (directory / SUMMARY).exists()
    names = list(fields.required)
    blocks = []
    try:
        for first_line, lines in _blocks(path, finished):
            points = _parsed(lines, first_line, path)
            if fields.further:
                known = set(names)
                names += sorted({name for point in points for name in point} - known)
            blocks.append(_table(points, names, fields, first_line, path))
    except OSError as error:
        raise unreadable(path, error) from error
    if not any(map(len, blocks)):
        return {}
    # Earlier blocks do not know the fields that came up later.
    table = np.full((sum(map(len, blocks)), len(names)), np.nan)
    filled = 0
    for block in blocks:
        table[filled : filled + len(block), : block.shape[1]] = block
        filled += len(block)
    for name in fields.finite:
        if not np.isfinite(table[:, names.index(name)]).all():
            raise DamagedError(f"cannot read {path}: a {name} is not a finite number")
    for name in ("seed", *_CUMULATIVE):
        counts = table[:, names.index(name)]
        if not ((counts >= 0) & (counts <= _LARGEST_COUNT) & (counts == np.floor(counts))).all():
            raise DamagedError(f"cannot read {path}: a {name} is not a count")
    return _by_seed(table, names, path)


def _blocks(path: Path, finished: bool) -> Iterator[tuple[int, list[bytes]]]:
    """Yield lines with the number of the first."""
    first_line = 1
    with opened(path) as raw, io.BufferedReader(raw) as file:
        while lines := list(islice(file, _LINES_PER_BLOCK)):
            if not finished and not lines[-1].endswith(b"\n"):
                lines.pop()
            yield first_line, lines
            first_line += len(lines)


def _parsed(lines: list[bytes], first_line: int, path: Path) -> list[dict[str, Any]]:
    points = []
    for index, line in enumerate(lines):
        try:
            points.append(from_json(line))
        except (ValueError, RecursionError) as error:
            raise _torn(path, first_line + index) from error
        if not isinstance(points[-1], dict):
            raise _torn(path, first_line + index)
    return points


def _table(
    points: list[dict[str, Any]], names: list[str], fields: Fields, first_line: int, path: Path
) -> Array:
    rows = np.empty((len(points), len(names)))
    required, further = fields.required, names[len(fields.required) :]
    for index, point in enumerate(points):
        try:
            # The log writes null for a number that is not finite; here it turns into nan.
            rows[index] = [
                *[point[name] for name in required],
                *[point.get(name) for name in further],
            ]
        except KeyError as error:
            problem = f"line {first_line + index} lacks {error}"
            raise DamagedError(f"cannot read {path}: {problem}") from error
        except (ValueError, TypeError, OverflowError) as error:
            raise _torn(path, first_line + index) from error
    return rows


def _torn(path: Path, line: int) -> DamagedError:
    return DamagedError(f"cannot read {path}: line {line} is torn or not a point")


def _by_seed(table: Array, names: list[str], path: Path) -> dict[int, dict[str, Array]]:
    table = table[np.argsort(table[:, 0], kind="stable")]
    seeds, starts = np.unique(table[:, 0], return_index=True)
    metrics = {}
    for seed, rows in zip(seeds, np.split(table, starts[1:]), strict=True):
        columns = dict(zip(names, rows.T.copy(), strict=True))
        for name in _CUMULATIVE:
            if (np.diff(columns[name]) < 0).any():
                raise DamagedError(f"cannot read {path}: {name} of seed {seed:.0f} falls")
        metrics[int(seed)] = columns
    return metrics
