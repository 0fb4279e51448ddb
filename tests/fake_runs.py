"""Run directories written by hand in the documented format, for tests of what reads them."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

Point = dict[str, float]

BYTES_PER_SAMPLE = 13


def points(
    updates: int = 30,
    *,
    updates_per_round: int = 5,
    samples_per_round: int = 1000,
    rate: float = 0.2,
) -> list[Point]:
    """One seed's record: a gap of 0.5 exp(-rate t), a round every few local updates."""
    record = []
    for local_step in range(updates + 1):
        rounds = -(-local_step // updates_per_round)
        samples = rounds * samples_per_round
        record.append(
            {
                "round": rounds,
                "local_step": local_step,
                "samples": samples,
                "bytes_up": samples * BYTES_PER_SAMPLE,
                "bytes_down": samples * BYTES_PER_SAMPLE * 3,
                "value": 0.5,
                "nash_gap": 0.5 * np.exp(-rate * local_step),
                "ess": 1.0,
                "divergence": 0.0,
            }
        )
    return record


def summary_of(
    seed: int, record: list[Point], thresholds: Iterable[float], stopped_by: str
) -> dict[str, Any]:
    last = record[-1]
    reached = {}
    for threshold in thresholds:
        first = next((point for point in record if point["nash_gap"] <= threshold), None)
        names = ("round", "local_step", "samples", "bytes_up", "bytes_down")
        reached[f"{threshold:g}"] = first and {name: first[name] for name in names}
    return {
        "seed": seed,
        "rounds": last["round"],
        "local_steps": last["local_step"],
        **{name: last[name] for name in ("samples", "bytes_up", "bytes_down")},
        "value": last["value"],
        "nash_gap": last["nash_gap"],
        "stopped_by": stopped_by,
        "reached": reached,
    }


def config_of(algorithm: str, seeds: list[int], settings: Mapping[str, Any]) -> dict[str, Any]:
    unlimited = algorithm == "full_communication"
    config: dict[str, Any] = {
        "seed": seeds[0],
        "num_seeds": len(seeds),
        "samples_per_round": 1000,
        "max_local_steps": 500,
        "metrics": {"gap_thresholds": [0.1, 0.01], "every": 1, "stop_at_smallest_gap": False},
        "game": {"name": "coverage", "agents": 12, "actions": 6, "reward_noise": 0.0, "seed": None},
        "algorithm": {"name": algorithm},
        "communication": {"name": "unlimited" if unlimited else "adaptive", "max_rounds": 1000},
        "learner": {"name": "npg", "step_size": 1.0, "policy_floor": 1e-10},
        "logger": {"name": "local"},
    }
    if algorithm == "base_policy_prediction":
        config["algorithm"] |= {"spacing": 0.7, "max_bases": 16}
    if not unlimited:
        config["communication"] |= {"ess_threshold": 0.5, "warmup": 5}
    for key, value in settings.items():
        *groups, name = key.split(".")
        branch = config
        for group in groups:
            branch = branch[group]
        branch[name] = value
    return config


def write_run(
    directory: Path,
    algorithm: str = "importance_sampling",
    *,
    seeds: Iterable[int] = range(8),
    record: Callable[[int], list[Point]] = lambda seed: points(),
    stopped_by: str = "local_steps",
    finished: bool = True,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run directory; `settings` are changes to its config by dotted key."""
    seeds = list(seeds)
    config = config_of(algorithm, seeds, settings or {})
    records = {seed: record(seed) for seed in seeds}
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    # As the program writes it: step by step, the seeds that still run one after another.
    steps = sorted(
        ((point["local_step"], seed, point) for seed in seeds for point in records[seed]),
        key=lambda each: each[:2],
    )
    lines = [json.dumps({"seed": seed, **point}) + "\n" for _, seed, point in steps]
    (directory / "metrics.jsonl").write_text("".join(lines))
    if finished:
        thresholds = config["metrics"]["gap_thresholds"]
        summary = {
            "seeds": [summary_of(seed, records[seed], thresholds, stopped_by) for seed in seeds],
            "status": "finished",
            "versions": {"marl_comm": "0.1.0"},
        }
        (directory / "summary.json").write_text(json.dumps(summary, indent=2))
        np.savez(directory / "final.npz", policy=np.full((len(seeds), 12, 6), 1 / 6))
    return directory
