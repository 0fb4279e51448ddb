"""Settings played in this process; each is played once and its costs are kept in a file."""

import copy
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from pydantic import ValidationError

from marl_comm.analysis.interquartile import interquartile_mean
from marl_comm.arrays import Array
from marl_comm.command_line.composition import compose
from marl_comm.config.keys import options
from marl_comm.config.messages import describe
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.paper.experiments import Job
from marl_comm.paper.tuning.coordinates import Value
from marl_comm.paper.tuning.problems import Problem
from marl_comm.paper.tuning.search import Score
from marl_comm.paper.tuning.variants import Cost, Variant
from marl_comm.plain_text import one_line
from marl_comm.runs.session import execute
from marl_comm.storage.files import SUMMARY

_BASES, _SAMPLES = "algorithm.max_bases", "samples_per_round"


@dataclass(frozen=True)
class Costs:
    """What each seed had used when it arrived; None where it never did.

    Attributes:
        round: Communication rounds.
        bytes: Written and read, all agents together.
    """

    round: tuple[float | None, ...]
    bytes: tuple[float | None, ...]

    def followed_by(self, other: "Costs") -> "Costs":
        """Return the costs of these seeds, then of the others."""
        return Costs(self.round + other.round, self.bytes + other.bytes)

    def of(self, cost: Cost) -> Array:
        """Return one of them, (seeds,), infinite for never."""
        values = self.round if cost == "round" else self.bytes
        return np.array([np.inf if value is None else value for value in values])

    def score(self, cost: Cost, most_rounds: int) -> Score:
        """Return the interquartile mean, and for equal ones the mean with late seeds cut off."""
        costs = self.of(cost)
        arrived = np.isfinite(costs)
        late = most_rounds if cost == "round" else 10 * costs[arrived].max(initial=1.0)
        return float(interquartile_mean(costs)), float(np.where(arrived, costs, late).mean())


class Plays:
    """What has been played of a problem, as lines of JSON that are only ever added to."""

    def __init__(self, problem: Problem, file: Path) -> None:
        """Read what is there."""
        self._problem = problem
        self._file = file
        self.played = 0  # by this process
        self._known: dict[str, Costs] = {}
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            self._read(file.read_text(encoding="utf-8"))

    def costs(
        self, variant: Variant, setting: Mapping[str, Value], seeds: tuple[int, int]
    ) -> Costs:
        """Return what a setting costs.

        Args:
            variant: Of which algorithm.
            setting: By key, only what is in use.
            seeds: The first, and how many.

        Raises:
            InputError: The settings are not valid.
        """
        overrides = overrides_of(self._problem, variant, setting, seeds)
        config = config_of(overrides)
        name = Job(config).name
        if name not in self._known:
            self._known[name] = _played(config, self._problem.gap)
            self.played += 1
            with self._file.open("a", encoding="utf-8") as file:
                line = {"run": name, "overrides": " ".join(overrides)} | asdict(self._known[name])
                file.write(json.dumps(line) + "\n")
        return self._known[name]

    def _read(self, text: str) -> None:
        for line in text.splitlines():
            try:
                found = json.loads(line)
                costs = Costs(tuple(found["round"]), tuple(found["bytes"]))
                self._known[found["run"]] = costs
            except (ValueError, KeyError, TypeError):  # a line that was being written
                continue


def overrides_of(
    problem: Problem, variant: Variant, setting: Mapping[str, Value], seeds: tuple[int, int]
) -> list[str]:
    """Return what is typed to play a setting, groups before their keys."""
    first, count = seeds
    if {_BASES, _SAMPLES} <= setting.keys():  # no base without a sample
        setting = {**setting, _BASES: min(int(setting[_BASES]), int(setting[_SAMPLES]))}
    typed = [f"{key}={value}" for key, value in sorted(setting.items())]
    if _SAMPLES not in setting:
        typed.append(f"samples_per_round={problem.samples}")
    return [
        *problem.overrides,
        *variant.overrides,
        *typed,
        f"communication.max_rounds={variant.most_rounds(setting)}",
        f"max_local_steps={variant.most_updates(setting)}",
        f"seed={first}",
        f"num_seeds={count}",
        "logger=local",
        f"metrics.gap_thresholds=[{problem.gap:g}]",
        "metrics.stop_at_smallest_gap=true",
        "metrics.every=1000000",
        "checkpoint_seconds=100000.0",
    ]


def config_of(overrides: Sequence[str]) -> RunConfig:
    """Return the configuration that `compose` makes; Hydra, which is slow, makes each group once.

    Raises:
        InputError: It is not valid.
    """
    typed = dict(override.split("=", 1) for override in overrides)
    groups = tuple(f"{key}={value}" for key, value in typed.items() if key in _groups())
    settings = copy.deepcopy(_of_groups(groups))
    for key, value in typed.items():
        if key not in _groups():
            *path, last = key.split(".")
            place = settings
            for name in path:
                place = place[name]
            place[last] = _read(value)
    try:
        return RunConfig.model_validate(settings)
    except ValidationError as error:
        raise InputError(one_line(describe(error, settings))) from error


def _groups() -> set[str]:
    return {"experiment", *options()}


@cache
def _of_groups(groups: tuple[str, ...]) -> dict[str, Any]:
    return compose(*groups).model_dump(mode="json")


def _read(value: str) -> Any:
    """Return what is typed as Hydra reads it; plain YAML takes 1e-05 for a word."""
    settings = OmegaConf.to_container(OmegaConf.create(f"value: {value}"))
    assert isinstance(settings, dict)
    return settings["value"]


def _played(config: RunConfig, gap: float) -> Costs:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "run"
        with Path(os.devnull).open("w") as silence, redirect_stderr(silence):
            execute(config, directory)
        summary = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))
    arrivals = [seed["reached"][format(gap, "g")] for seed in summary["seeds"]]
    return Costs(
        tuple(None if each is None else each["round"] for each in arrivals),
        tuple(None if each is None else each["bytes_up"] + each["bytes_down"] for each in arrivals),
    )
