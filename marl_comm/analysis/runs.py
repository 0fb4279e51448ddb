"""Run directories read back into plain typed records; docs/run_directory.md has the format."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from marl_comm.analysis.metrics import (
    OF_ENVIRONMENTS,
    OF_STAGES,
    OF_TABLES,
    Fields,
    read_metrics,
)
from marl_comm.arrays import Array
from marl_comm.errors import DamagedError, InputError
from marl_comm.plain_text import one_line, shown
from marl_comm.settings import LARGEST_SEED, flattened
from marl_comm.storage.configurations import read_configuration
from marl_comm.storage.digests import read_summary, refuse_changed
from marl_comm.storage.files import CONFIG, METRICS, SUMMARY

_REQUIRED_KEYS = (
    "algorithm.name",
    "game.name",
    "learner.name",
    "seed",
    "num_seeds",
    "samples_per_round",
    "metrics.gap_thresholds",
)
_COUNTS = ("seed", "num_seeds")


class Reached(BaseModel):
    """What a seed had used when its Nash gap first was at or below a threshold."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    round: NonNegativeInt
    local_step: NonNegativeInt
    samples: NonNegativeInt
    bytes_up: NonNegativeInt
    bytes_down: NonNegativeInt


class SeedSummary(BaseModel):
    """One seed's line in `summary.json`: totals, and in tabular games value, gap, and arrivals.

    Environments have neither value nor gap, so nothing was reached; their returns are metrics. Runs
    of old versions lack the distances.
    """

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    seed: NonNegativeInt
    rounds: NonNegativeInt
    local_steps: NonNegativeInt
    samples: NonNegativeInt
    bytes_up: NonNegativeInt
    bytes_down: NonNegativeInt
    value: float | None = None
    nash_gap: float | None = None
    distance: float | None = None
    distance_rounds: float | None = None
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
            `FIELDS` in tabular games, all that were logged in environments; null is nan.
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
        DamagedError: A file is missing, torn or does not agree with the others.
    """
    config = _read_config(directory / CONFIG)
    # Keys of `reached` were written with six digits, so compare the thresholds at that precision.
    thresholds = {float(format(value, "g")) for value in config["metrics.gap_thresholds"]}
    if plays_environment(config):
        thresholds = set()
    summaries = _read_summary(directory, config)
    metrics = read_metrics(directory, _fields(config))
    for summary in summaries:
        if set(summary.reached) != thresholds:
            raise DamagedError(
                f"cannot read {directory}: {SUMMARY} has gaps {sorted(summary.reached)} for seed "
                f"{summary.seed}, {CONFIG} has {sorted(thresholds)}"
            )
        ends_at = metrics[summary.seed]["local_step"][-1] if summary.seed in metrics else "nowhere"
        if ends_at != summary.local_steps:
            raise DamagedError(
                f"cannot read {directory / METRICS}: it is incomplete, seed {summary.seed} ends at "
                f"local_step {ends_at} and not {summary.local_steps} as {SUMMARY} says"
            )
        _refuse_another_end(directory, summary, metrics[summary.seed])
    return Run(directory, config, tuple(SeedRun(each, metrics[each.seed]) for each in summaries))


def _refuse_another_end(
    directory: Path, summary: SeedSummary, metrics: Mapping[str, Array]
) -> None:
    """Raise DamagedError where a seed's summary is not what its log has come to."""
    ends = {
        "round": summary.rounds,
        "samples": summary.samples,
        "bytes_up": summary.bytes_up,
        "bytes_down": summary.bytes_down,
        "nash_gap": summary.nash_gap,
    }
    for name, end in ends.items():
        logged = metrics[name][-1] if name in metrics else None
        if end is not None and logged is not None and logged != end:
            raise DamagedError(
                f"cannot read {directory}: seed {summary.seed} ends with {name} {logged:g} in "
                f"{METRICS} and {end:g} in {SUMMARY}"
            )
    for gap, reached in summary.reached.items():
        if reached is not None and reached.local_step > summary.local_steps:
            raise DamagedError(
                f"cannot read {directory / SUMMARY}: seed {summary.seed} reaches {gap:g} after "
                "its end"
            )


def _fields(config: Mapping[str, Any]) -> Fields:
    """Return which fields of a run's log are read."""
    if plays_environment(config):
        return OF_ENVIRONMENTS
    return OF_STAGES if config.get("learner.stages") == "backward" else OF_TABLES


def plays_environment(config: Mapping[str, Any]) -> bool:
    """Return whether a flat config is of networks in an environment, which has no exact gap."""
    return bool(config["learner.name"] == "mappo")


def _read_summary(directory: Path, config: Mapping[str, Any]) -> list[SeedSummary]:
    path = directory / SUMMARY
    summary = read_summary(directory)
    refuse_changed(directory, summary, CONFIG, METRICS)
    try:
        # As JSON, where the keys of `reached` are text and nothing else is converted.
        summaries = _Summary.model_validate_json(json.dumps(summary)).seeds
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "the file"
        raise DamagedError(one_line(f"cannot read {path}: {place}: {problem['msg']}")) from error
    seeds = [summary.seed for summary in summaries]
    if not seeds or len(set(seeds)) < len(seeds):
        raise DamagedError(
            f"cannot read {path}: its seeds are {shown(seeds)}, not a list of distinct ones"
        )
    if sorted(seeds) != list(range(config["seed"], config["seed"] + len(seeds))) or (
        len(seeds) != config["num_seeds"]
    ):
        raise DamagedError(
            f"cannot read {path}: its seeds are {shown(seeds)}, and {CONFIG} has "
            f"seed={config['seed']} num_seeds={config['num_seeds']}"
        )
    return sorted(summaries, key=lambda summary: summary.seed)


def _read_config(path: Path) -> dict[str, Any]:
    config = flattened(read_configuration(path))
    missing = [key for key in _REQUIRED_KEYS if key not in config]
    if missing:
        raise DamagedError(f"cannot read {path}: it lacks {', '.join(missing)}")
    for key, value in config.items():
        if not _is_possible(key, value):
            raise DamagedError(one_line(f"cannot read {path}: {key}={shown(value)}: not possible"))
    return config


def _is_possible(key: str, value: Any) -> bool:
    """Return whether a run could have such a value, as far as what reads runs relies on it."""
    name = key.rpartition(".")[2]
    if key in _COUNTS:
        return type(value) is int and 0 <= value <= LARGEST_SEED
    if key in ("samples_per_round", "max_local_steps", "metrics.every"):
        return value is None or (type(value) is int and value > 0)
    if key == "metrics.gap_thresholds":
        return isinstance(value, list) and all(
            type(gap) in (int, float) and gap > 0 for gap in value
        )
    return isinstance(value, str) or name not in ("name", "class")


def _refuse_listing(error: OSError) -> None:
    raise InputError(f"cannot list {error.filename}: {error.strerror}") from error
