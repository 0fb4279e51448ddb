"""One run: claims its directory, trains every seed, and leaves its results there."""

import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from marl_comm import build
from marl_comm.communication import Ledger
from marl_comm.config import RunConfig
from marl_comm.logging import Logger, MultiLogger
from marl_comm.logging.local import LocalLog
from marl_comm.logging.progress import Progress
from marl_comm.predictability import PredictabilityReport
from marl_comm.recorder import Recorder
from marl_comm.run_directory import RunDirectory
from marl_comm.train import train

_PACKAGES = ("marl_comm", "numpy", "scipy", "torch", "hydra-core")


def execute(config: RunConfig, directory: Path, group: str | None) -> float:
    """Train as configured and return the objective that a sweeper may minimise.

    Args:
        config: The checked configuration.
        directory: Where the results go; must not hold a run yet.
        group: Name of the sweep that the run belongs to, if any.

    Returns:
        The final Nash gap, or where it is unknown minus the return; mean over the seeds.

    Raises:
        InputError: The directory cannot be claimed, or the game does not fit into memory.
        OutputError: Results cannot be written; what was logged before stays readable.
    """
    seeds = range(config.seed, config.seed + config.num_seeds)
    game = build.build_game(config, seeds)
    run_directory = RunDirectory.claim(directory)
    resolved = config.model_dump()
    run_directory.write_config(resolved)
    ledger, predictability = Ledger(len(seeds)), PredictabilityReport()
    learner = build.build_learner(config, game)
    loggers: list[Logger] = [LocalLog(run_directory)]
    with MultiLogger(loggers + _mirrors(config, directory, resolved, group)) as logger:
        with Progress(config.max_local_steps) as progress:
            recorder = Recorder(
                seeds,
                ledger,
                logger,
                progress.update,
                learner.policy_arrays,
                predictability.add,
                gap_thresholds=config.metrics.gap_thresholds,
                every=config.metrics.every,
                stop_at_smallest_gap=config.metrics.stop_at_smallest_gap,
            )
            train(
                game,
                learner,
                build.build_algorithm(config),
                build.build_schedule(config, seeds),
                build.build_budget(config),
                ledger,
                recorder,
                config.samples_per_round,
            )
        run_directory.write_final({**recorder.final, **game.arrays()})
        seed_summaries = recorder.summary()
        summary = {"status": "finished", "seeds": seed_summaries, "versions": versions()}
        if config.learner.name == "mappo":
            summary["predictability"] = predictability.summary()
        logger.finish(summary)
    return _objective(seed_summaries)


def _objective(seeds: list[dict[str, Any]]) -> float:
    """Return what sweepers minimise: the Nash gap, or where it is unknown minus the return."""
    if "nash_gap" in seeds[0]:
        return float(np.mean([seed["nash_gap"] for seed in seeds]))
    return -float(np.mean([seed["evaluation_sampled_return"] for seed in seeds]))


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {
        "python": platform.python_version(),
        "platform": sys.platform,
        **{package: version(package) for package in _PACKAGES},
    }


def _mirrors(
    config: RunConfig, directory: Path, resolved: dict[str, Any], group: str | None
) -> list[Logger]:
    if config.logger.name != "wandb":
        return []
    # Importing W&B takes longer than a small run: only those who want it wait for it.
    from marl_comm.logging.wandb import WandbLogger

    seeds = range(config.seed, config.seed + config.num_seeds)
    return [WandbLogger(config.logger, directory, resolved, seeds, group)]
