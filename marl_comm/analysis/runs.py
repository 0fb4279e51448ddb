"""Run directories read back into plain typed records; docs/run_directory.md has the format."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from marl_comm.analysis.metrics import OF_ENVIRONMENTS, OF_TABLES, read_metrics
from marl_comm.arrays import Array
from marl_comm.errors import InputError
from marl_comm.settings import flattened
from marl_comm.storage.files import CONFIG, METRICS, SUMMARY

_REQUIRED_KEYS = (
    "algorithm.name",
    "game.name",
    "learner.name",
    "samples_per_round",
    "metrics.gap_thresholds",
)


class Reached(BaseModel):
    """What a seed had used when its Nash gap first was at or below a threshold."""

    model_config = ConfigDict(frozen=True)

    round: NonNegativeInt
    local_step: NonNegativeInt
    samples: NonNegativeInt
    bytes_up: NonNegativeInt
    bytes_down: NonNegativeInt


class SeedSummary(BaseModel):
    """One seed's line in `summary.json`: totals, and in games of tables value, gap, and arrivals.

    Environments have neither value nor gap, so nothing was reached; their returns are metrics.
    """

    model_config = ConfigDict(frozen=True)

    seed: NonNegativeInt
    rounds: NonNegativeInt
    local_steps: NonNegativeInt
    samples: NonNegativeInt
    bytes_up: NonNegativeInt
    bytes_down: NonNegativeInt
    value: float | None = None
    nash_gap: float | None = None
    stopped_by: str
    reached: dict[float, Reached | None] = {}


class _Summary(BaseModel):
    seeds: list[SeedSummary]


@dataclass(frozen=True, eq=False)
class SeedRun:
    """One seed of a finished run.

    Attributes:
        summary: Its totals.
        metrics: A float array (points,) for each field, in the order of local updates: those of
            `FIELDS` in games of tables, all that were logged in environments; null is nan.
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
    # Keys of `reached` were written with six digits, so compare the thresholds at that precision.
    thresholds = {float(format(value, "g")) for value in config["metrics.gap_thresholds"]}
    if plays_environment(config):
        thresholds = set()
    summaries = _read_summary(directory / SUMMARY)
    metrics = read_metrics(directory, OF_ENVIRONMENTS if plays_environment(config) else OF_TABLES)
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


def plays_environment(config: Mapping[str, Any]) -> bool:
    """Return whether a flat config is of networks in an environment, which has no exact gap."""
    return bool(config["learner.name"] == "mappo")


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
