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
        "seed": min(seeds),
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
    return _changed(config, settings)


def environment_config_of(
    algorithm: str, seeds: list[int], settings: Mapping[str, Any]
) -> dict[str, Any]:
    config = config_of(algorithm, seeds, {})
    config |= {
        "samples_per_round": None,
        "game": {"name": "mpe/simple_spread", "agents": 3, "copies": 4, "steps": 25},
        "learner": {"name": "mappo", "betas": [0.99, 0.999], "epochs": 4},
        "algorithm": {"name": algorithm},
    }
    if algorithm == "base_policy_prediction":
        config["algorithm"] |= {"predictor": "momentum", "calibration": True}
    if algorithm != "full_communication":
        config["communication"] = {"name": "periodic", "warmup": 10, "period": 10}
    return _changed(config, settings)


def _changed(config: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in settings.items():
        *groups, name = key.split(".")
        branch = config
        for group in groups:
            branch = branch[group]
        branch[name] = value
    return config


def environment_points(
    updates: int = 40,
    *,
    warmup: int = 10,
    period: int = 10,
    evaluation_every: int = 5,
    predicted: bool = False,
    final_return: float = -60.0,
    kl_per_update: float = 0.1,
) -> list[dict[str, Any]]:
    """One seed's record of MAPPO: returns from -80 straight to the final one.

    After `warmup` rounds of one local update, rounds last `period`; 100 joint steps for each. The
    divergence from the base grows by `kl_per_update` with each local update since the round; with
    prediction it would be twice that from the policy at the round's start.
    """
    record: list[dict[str, Any]] = []
    for local_step in range(updates + 1):
        ahead = max(0, local_step - 1 - warmup)
        rounds = min(local_step, warmup) + (local_step > warmup) * (1 + ahead // period)
        position = ahead % period if local_step > warmup else 0
        samples = 100 * (min(local_step, warmup) + max(0, rounds - warmup) * period)
        evaluated = local_step % evaluation_every == 0
        reward = -80 + (final_return + 80) * local_step / updates
        point: dict[str, Any] = {
            "round": rounds,
            "local_step": local_step,
            "samples": samples,
            "bytes_up": samples * BYTES_PER_SAMPLE,
            "bytes_down": samples * BYTES_PER_SAMPLE * 2,
            "ess": float(np.exp(-kl_per_update * position)),
            "divergence": kl_per_update * position,
            "evaluation_greedy_return": reward + 1 if evaluated else None,
            "evaluation_sampled_return": reward if evaluated else None,
        }
        if local_step > 0:
            point["kl"] = kl_per_update * position
            if predicted:
                tested = position > 0
                point["kl_unpredicted"] = 2 * kl_per_update * position if tested else None
                point["kappa"] = 0.4 if tested else None
                point["cosine"] = 0.9 if tested else None
        record.append(point)
    return record


def environment_summary_of(
    seed: int, record: list[dict[str, Any]], _: Iterable[float], stopped_by: str
) -> dict[str, Any]:
    last = record[-1]
    returns = [point["evaluation_sampled_return"] for point in record]
    return {
        "seed": seed,
        "rounds": last["round"],
        "local_steps": last["local_step"],
        **{name: last[name] for name in ("samples", "bytes_up", "bytes_down")},
        "evaluation_sampled_return": [each for each in returns if each is not None][-1],
        "stopped_by": stopped_by,
    }


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
    return _write(directory, config, {seed: record(seed) for seed in seeds}, stopped_by, finished)


def write_environment_run(
    directory: Path,
    algorithm: str = "importance_sampling",
    *,
    seeds: Iterable[int] = range(8),
    record: Callable[[int], list[dict[str, Any]]] = lambda seed: environment_points(),
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run directory of MAPPO; `settings` are changes to its config by dotted key."""
    seeds = list(seeds)
    config = environment_config_of(algorithm, seeds, settings or {})
    return _write(directory, config, {seed: record(seed) for seed in seeds}, "local_steps", True)


def _write(
    directory: Path,
    config: dict[str, Any],
    records: Mapping[int, list[Any]],
    stopped_by: str,
    finished: bool,
) -> Path:
    seeds = list(records)
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
        in_environment = config["learner"]["name"] == "mappo"
        seed_summary = environment_summary_of if in_environment else summary_of
        summary = {
            "seeds": [seed_summary(seed, records[seed], thresholds, stopped_by) for seed in seeds],
            "status": "finished",
            "versions": {"marl_comm": "0.1.0"},
        }
        (directory / "summary.json").write_text(json.dumps(summary, indent=2))
        np.savez(directory / "final.npz", policy=np.full((len(seeds), 12, 6), 1 / 6))
    return directory
