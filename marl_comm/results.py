"""Run directories read back into plain typed records; docs/run_directory.md has the format."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError
from pydantic_core import from_json

from marl_comm.config.base import flattened
from marl_comm.errors import InputError
from marl_comm.files import CONFIG, METRICS, SUMMARY
from marl_comm.logging.local import FIELDS
from marl_comm.types import Array

_CUMULATIVE = ("round", "local_step", "samples", "bytes_up", "bytes_down")
_REQUIRED_KEYS = ("algorithm.name", "game.name", "samples_per_round", "metrics.gap_thresholds")
# Lines are turned into arrays in blocks so that a long log never exists as millions of objects.
_LINES_PER_BLOCK = 20_000


class Reached(BaseModel):
    """What a seed had used when its Nash gap first was at or below a threshold."""

    model_config = ConfigDict(frozen=True)

    round: NonNegativeInt
    local_step: NonNegativeInt
    samples: NonNegativeInt
    bytes_up: NonNegativeInt
    bytes_down: NonNegativeInt


class SeedSummary(BaseModel):
    """One seed's line in `summary.json`: totals, final value and gap, and what it reached."""

    model_config = ConfigDict(frozen=True)

    seed: NonNegativeInt
    rounds: NonNegativeInt
    local_steps: NonNegativeInt
    samples: NonNegativeInt
    bytes_up: NonNegativeInt
    bytes_down: NonNegativeInt
    value: float | None
    nash_gap: float | None
    stopped_by: str
    reached: dict[float, Reached | None]


class _Summary(BaseModel):
    seeds: list[SeedSummary]


@dataclass(frozen=True, eq=False)
class SeedRun:
    """One seed of a finished run.

    Attributes:
        summary: Its totals.
        metrics: A float array (points,) for each name in `FIELDS`, in the order of local steps.
    """

    summary: SeedSummary
    metrics: dict[str, Array]


@dataclass(frozen=True, eq=False)
class Run:
    """One finished run directory.

    Attributes:
        directory: Where it lies.
        config: The resolved config, flat: `{"seed": 0, "game.name": "coverage", ...}`.
        seeds: In ascending order of seed.
    """

    directory: Path
    config: dict[str, Any]
    seeds: tuple[SeedRun, ...]


def load_runs(roots: Sequence[Path], tell: Callable[[str], None]) -> list[Run]:
    """Load every finished run at or below the given directories, each directory once.

    Args:
        roots: Run directories, or directories that hold them at any depth.
        tell: Receives one line for each unfinished run, which is skipped.

    Raises:
        InputError: A root does not exist or holds no finished run, or a file cannot be read.
    """
    runs: dict[Path, Run] = {}
    unfinished: set[Path] = set()
    for root in roots:
        found = [directory.resolve() for directory in find_run_directories(root)]
        for directory in found:
            if directory in runs or directory in unfinished:
                continue
            if (directory / SUMMARY).exists():
                runs[directory] = load_run(directory)
            else:
                unfinished.add(directory)
                tell(f"skipped {directory}: unfinished, it has no {SUMMARY}")
        if not any(directory in runs for directory in found):
            raise InputError(f"no finished run found in {root}: it should hold a {SUMMARY}")
    return list(runs.values())


def find_run_directories(root: Path) -> list[Path]:
    """Return the directories at or below root that hold a metrics or summary file, sorted.

    Raises:
        InputError: root is not a directory, or a directory below it cannot be listed.
    """
    if not root.is_dir():
        raise InputError(f"{root} is not a directory: give run directories or what contains them")
    found = []
    for path, subdirectories, files in os.walk(root, onerror=_refuse_listing):
        if METRICS in files or SUMMARY in files:
            found.append(Path(path))
            subdirectories.clear()
        else:
            subdirectories[:] = [name for name in subdirectories if not name.startswith(".")]
    return sorted(found)


def load_run(directory: Path) -> Run:
    """Load one finished run directory.

    Raises:
        InputError: A file is missing, torn or does not agree with the others.
    """
    config = _read_config(directory / CONFIG)
    if config.get("learner.name") == "mappo":
        raise InputError(
            f"cannot compare {directory}: {config['game.name']} has no exact Nash gap; "
            "scripts/study_mappo.py tabulates runs of environments"
        )
    # Keys of `reached` were written with six digits, so compare the thresholds at that precision.
    thresholds = {float(format(value, "g")) for value in config["metrics.gap_thresholds"]}
    summaries = _read_summary(directory / SUMMARY)
    metrics = read_metrics(directory)
    for summary in summaries:
        if set(summary.reached) != thresholds:
            raise InputError(
                f"cannot read {directory}: {SUMMARY} has gaps {sorted(summary.reached)} for seed "
                f"{summary.seed}, {CONFIG} has {sorted(thresholds)}"
            )
        ends_at = metrics[summary.seed]["local_step"][-1] if summary.seed in metrics else "nowhere"
        if ends_at != summary.local_steps:
            raise InputError(
                f"cannot read {directory / METRICS}: it is incomplete, seed {summary.seed} ends at "
                f"local_step {ends_at} and not {summary.local_steps} as {SUMMARY} says"
            )
    return Run(directory, config, tuple(SeedRun(each, metrics[each.seed]) for each in summaries))


def read_metrics(directory: Path) -> dict[int, dict[str, Array]]:
    """Read `metrics.jsonl`: for each seed an array (points,) for each name in `FIELDS`.

    The torn last line of a run that was killed is ignored; in a finished run it is an error.

    Raises:
        InputError: The file or a line of it cannot be read, or a cumulative count falls.
    """
    path = directory / METRICS
    finished = (directory / SUMMARY).exists()
    blocks = [np.empty((0, len(FIELDS)))]
    first_line = 1
    try:
        with path.open("rb") as file:
            while lines := list(islice(file, _LINES_PER_BLOCK)):
                if not finished and not lines[-1].endswith(b"\n"):
                    lines.pop()
                blocks.append(_parse_lines(lines, first_line, path))
                first_line += len(lines)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    table = np.concatenate(blocks)
    if not table.size:
        return {}
    if not np.isfinite(table[:, FIELDS.index("nash_gap")]).all():
        raise InputError(f"cannot read {path}: a nash_gap is not a finite number")
    table = table[np.argsort(table[:, 0], kind="stable")]
    seeds, starts = np.unique(table[:, 0], return_index=True)
    metrics = {}
    for seed, rows in zip(seeds, np.split(table, starts[1:]), strict=True):
        columns = dict(zip(FIELDS, rows.T.copy(), strict=True))
        for name in _CUMULATIVE:
            if (np.diff(columns[name]) < 0).any():
                raise InputError(f"cannot read {path}: {name} of seed {seed:.0f} falls")
        metrics[int(seed)] = columns
    return metrics


def _read_summary(path: Path) -> list[SeedSummary]:
    try:
        summaries = _Summary.model_validate_json(path.read_bytes()).seeds
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "the file"
        raise InputError(f"cannot read {path}: {place}: {problem['msg']}") from error
    seeds = [summary.seed for summary in summaries]
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"cannot read {path}: its seeds are {seeds}, not a list of distinct ones")
    return sorted(summaries, key=lambda summary: summary.seed)


def _parse_lines(lines: list[bytes], first_line: int, path: Path) -> Array:
    rows = np.empty((len(lines), len(FIELDS)))
    for index, line in enumerate(lines):
        try:
            point = from_json(line)
            # The log writes null for a number that is not finite; here it turns into nan.
            rows[index] = [point[name] for name in FIELDS]
        except KeyError as error:
            problem = f"line {first_line + index} lacks {error}"
            raise InputError(f"cannot read {path}: {problem}") from error
        except (ValueError, TypeError) as error:
            problem = f"line {first_line + index} is torn or not a point"
            raise InputError(f"cannot read {path}: {problem}") from error
    return rows


def _read_config(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: it is not valid YAML") from error
    config = flattened(tree) if isinstance(tree, dict) else {}
    missing = [key for key in _REQUIRED_KEYS if key not in config]
    if missing:
        raise InputError(f"cannot read {path}: it lacks {', '.join(missing)}")
    thresholds = config["metrics.gap_thresholds"]
    if not isinstance(thresholds, list) or not all(isinstance(x, int | float) for x in thresholds):
        raise InputError(f"cannot read {path}: metrics.gap_thresholds={thresholds}: not numbers")
    return config


def _refuse_listing(error: OSError) -> None:
    raise InputError(f"cannot list {error.filename}: {error.strerror}") from error
