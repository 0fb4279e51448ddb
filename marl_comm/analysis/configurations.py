"""Runs pooled into configurations: what is compared, what it is called, what makes it unequal."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marl_comm.analysis.runs import Run, SeedRun, plays_environment
from marl_comm.errors import InputError
from marl_comm.plain_text import printable
from marl_comm.settings import label_of

# Settings that name a repetition or a way to record it, not what is computed.
_NOT_COMPARED = (
    "seed",
    "num_seeds",
    "logger",
    "checkpoint_seconds",
    "quiet",
    "metrics.every",
    "metrics.objective",
)
_MUST_AGREE = ("samples_per_round", "game", "learner", "metrics.gap_thresholds")
# Returns are compared where runs end.
_MUST_AGREE_IN_ENVIRONMENTS = (*_MUST_AGREE, "max_local_steps", "communication.max_rounds")
_IN_LABEL = ("algorithm.name", "algorithm.class")
_FILE, _DIGEST = "game.file", "game.sha256"
_ORDER = ("full_communication", "importance_sampling", "base_policy_prediction", "stale")


@dataclass(frozen=True, eq=False)
class Configuration:
    """Everything that was run with one configuration, all its seeds together.

    Attributes:
        config: Flat resolved config without the seeds and the logger.
        difference: The settings in which it differs from what it is compared with, as typed on
            the command line; may be empty.
        seeds: In ascending order of seed.
    """

    config: dict[str, Any]
    difference: str
    seeds: tuple[SeedRun, ...]

    @property
    def algorithm(self) -> str:
        """The algorithm's name, or the class's where it is of the user's own."""
        return label_in(self.config, "algorithm")

    @property
    def label(self) -> str:
        """The algorithm's name and the settings that tell it from the others."""
        return f"{self.algorithm} {self.difference}".rstrip()

    @property
    def plays_environment(self) -> bool:
        """Whether networks were trained in an environment, which has returns and no exact gap."""
        return plays_environment(self.config)

    @property
    def thresholds(self) -> list[float]:
        """The gaps for which arrival was recorded, largest first; none in environments."""
        return sorted(self.seeds[0].summary.reached, reverse=True)

    def settings(self, *groups: str) -> dict[str, Any]:
        """Return the part of the config that lies in the given groups or keys."""
        return {key: value for key, value in self.config.items() if _within(key, groups)}


def label_in(config: Mapping[str, Any], group: str) -> str:
    """Return what the option of a group is called in a flat config."""
    return printable(
        label_of(
            {key.partition(".")[2]: value for key, value in config.items() if _within(key, [group])}
        )
    )


def pool(runs: Sequence[Run], tell: Callable[[str], None]) -> list[Configuration]:
    """Pool runs that differ only in their seeds and logger; full communication comes first.

    Args:
        runs: Finished runs.
        tell: Receives one line for each run whose seeds were all or partly loaded already.

    Raises:
        InputError: Two runs of one configuration have the same seed and different results.
    """
    configs: dict[str, dict[str, Any]] = {}
    members: dict[str, list[Run]] = {}
    first_paths: dict[str, Any] = {}
    for run in runs:
        config = {k: value for k, value in run.config.items() if not _within(k, _NOT_COMPARED)}
        if _DIGEST in config:  # wherever it lay, it was one file
            config[_FILE] = first_paths.setdefault(str(config[_DIGEST]), config.get(_FILE))
        identity = repr(sorted(config.items()))
        configs[identity] = config
        members.setdefault(identity, []).append(run)
    told = [_told(config) for config in configs.values()]
    in_label = _IN_LABEL if _told_apart("algorithm", configs.values()) else ("algorithm.name",)
    if not _told_apart("communication", configs.values()):
        told = [_told(config, "communication.class") for config in configs.values()]
    keys = [key for key in _differing_keys(told) if key not in in_label]
    configurations = [
        Configuration(
            config,
            " ".join(_setting(key, visible[key]) for key in keys if key in visible),
            _merge_seeds(members[identity], tell),
        )
        for (identity, config), visible in zip(configs.items(), told, strict=True)
    ]
    return sorted(configurations, key=lambda each: _position(each.config, keys))


def inequality(configurations: Sequence[Configuration]) -> str | None:
    """Return one line naming every setting that must agree for a fair comparison and does not."""
    configs = [configuration.config for configuration in configurations]
    unequal = []
    in_environments = any(configuration.plays_environment for configuration in configurations)
    groups = _MUST_AGREE_IN_ENVIRONMENTS if in_environments else _MUST_AGREE
    for key in _differing_keys(configs):
        if _within(key, groups):
            values = sorted({_text(config[key]) for config in configs if key in config})
            unequal.append(f"{key} ({' | '.join(values)})")
    if not unequal:
        return None
    consequence = (
        "not a comparison at equal samples"
        if any(key.startswith("samples_per_round") for key in unequal)
        else "not a comparison of like with like"
    )
    return f"the compared runs differ in {', '.join(unequal)}: {consequence}"


def _told(config: Mapping[str, Any], schedule: str | None = None) -> dict[str, Any]:
    """Return a config as it is told: schedules of the user's own by what they are called.

    Args:
        config: A flat config.
        schedule: The key by which these are told instead.
    """
    told = dict(config)
    if "communication.class" in told:
        name = told[schedule] if schedule else label_in(config, "communication")
        del told["communication.class"]
        told["communication.name"] = name
    # Full communication is always unlimited, so saying so tells nothing apart.
    if told.get("communication.name") == "unlimited":
        del told["communication.name"]
    return told


def _told_apart(group: str, configs: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether classes of the user's own that are called the same are the same."""
    key = f"{group}.class"
    classes = {config[key]: label_in(config, group) for config in configs if key in config}
    return len(set(classes.values())) == len(classes)


def _merge_seeds(runs: Iterable[Run], tell: Callable[[str], None]) -> tuple[SeedRun, ...]:
    merged: dict[int, tuple[SeedRun, Run]] = {}
    for run in runs:
        repeated, rounded = [], []
        for seed_run in run.seeds:
            seed = seed_run.summary.seed
            if seed not in merged:
                merged[seed] = (seed_run, run)
                continue
            other, other_run = merged[seed]
            if not _same_result(seed_run, other):
                # Networks round differently beside another number of seeds.
                if plays_environment(run.config) and len(run.seeds) != len(other_run.seeds):
                    rounded.append(seed)
                    continue
                raise InputError(
                    f"seed {seed} was run twice with one configuration and different results: "
                    f"{other_run.directory} and {run.directory}; leave one of them out"
                )
            repeated.append(seed)
        if repeated:
            seeds = ", ".join(map(str, repeated))
            tell(f"counted once: {run.directory} repeats seed {seeds} with identical results")
        if rounded:
            seeds = ", ".join(map(str, rounded))
            tell(
                f"left out: seed {seeds} of {run.directory}, which was read already from a run "
                "with another num_seeds"
            )
    return tuple(merged[seed][0] for seed in sorted(merged))


def _same_result(one: SeedRun, other: SeedRun) -> bool:
    # Old versions told no distances, which follow from the rest.
    told = [run.summary.model_dump(exclude={"distance", "distance_rounds"}) for run in (one, other)]
    return told[0] == told[1] and all(
        np.array_equal(column, other.metrics[name], equal_nan=True)
        for name, column in one.metrics.items()
    )


def _differing_keys(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys with several values, not counting kinds of a group that do not have the key at all."""
    differing = []
    for key in dict.fromkeys(key for config in configs for key in config):
        kind = f"{key.split('.')[0]}.name"
        kinds_with_key = {config.get(kind) for config in configs if key in config}
        values = {
            _text(config[key]) if key in config else None
            for config in configs
            if config.get(kind) in kinds_with_key
        }
        if len(values) > 1:
            differing.append(key)
    files, digests = ({str(config.get(key)) for config in configs} for key in (_FILE, _DIGEST))
    if len(files) == len(digests):  # paths tell the files apart
        return [key for key in differing if key != _DIGEST]
    return differing


def _within(key: str, groups: Iterable[str]) -> bool:
    return any(key == group or key.startswith(f"{group}.") for group in groups)


def _setting(key: str, value: Any) -> str:
    return printable(f"{key.removesuffix('.name')}={_text(value)}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _position(config: Mapping[str, Any], keys: Sequence[str]) -> tuple[Any, ...]:
    """Sort key: the algorithms in their usual order, then each setting, numbers by size."""
    algorithm = label_in(config, "algorithm")
    values = [config.get(key) for key in keys]
    numbers = [value if isinstance(value, int | float) else -math.inf for value in values]
    return (
        _ORDER.index(algorithm) if algorithm in _ORDER else len(_ORDER),
        algorithm,
        [(number, _text(value)) for number, value in zip(numbers, values, strict=True)],
    )
