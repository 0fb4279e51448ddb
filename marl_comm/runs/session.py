"""One run: claims its directory, trains every seed, saves itself, and leaves its results."""

import json
import logging
import math
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from marl_comm.communication import Ledger
from marl_comm.config import RunConfig, load_saved
from marl_comm.errors import InputError, NumbersError
from marl_comm.games.game import Game
from marl_comm.loggers import Logger, MultiLogger
from marl_comm.loggers.local import LocalLog, logged_steps
from marl_comm.loggers.progress import Progress
from marl_comm.randomness import Streams
from marl_comm.runs import build
from marl_comm.runs.interruption import Interruption
from marl_comm.runs.predictability import PredictabilityReport
from marl_comm.runs.recorder import Recorder
from marl_comm.storage.checkpoints import Checkpoints, State
from marl_comm.storage.directory import RunDirectory
from marl_comm.storage.files import CONFIG, SUMMARY
from marl_comm.storage.versions import changes, versions
from marl_comm.train import LoopState, train

_log = logging.getLogger(__name__)


class _Part(Protocol):
    """What a checkpoint holds under a name of its own."""

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


def execute(config: RunConfig, directory: Path) -> float:
    """Train as configured and return the objective that a sweeper may minimise.

    Args:
        config: The checked configuration.
        directory: Where the results go; must not hold a run yet.

    Returns:
        The final Nash gap, or where it is unknown minus the return; mean over the seeds.

    Raises:
        InputError: The directory cannot be claimed, or the game does not fit into memory.
        OutputError: Results cannot be written; what was logged before stays readable.
        NumbersError: Learning has left numbers that are not finite; the log and the checkpoints
            end before that local update.
        Interrupted: By a signal, after saving a checkpoint.
    """
    streams = Streams(range(config.seed, config.seed + config.num_seeds))
    game = build.build_game(config, streams)
    with RunDirectory.claim(directory) as run_directory:
        run_directory.write_config(config.model_dump())
        return _train(config, streams, game, run_directory, saved=None)


def resume(directory: Path) -> float:
    """Continue a run from its last checkpoint, or from its start where it has none.

    The run ends with the same bytes in its files as if it had never been interrupted. A finished
    run is left alone.

    Args:
        directory: A run directory.

    Returns:
        The objective, as `execute` does.

    Raises:
        InputError: The directory holds no run, another process is at work on it, or another
            version of marl_comm was.
        OutputError: As in `execute`.
        NumbersError: As in `execute`.
        Interrupted: As in `execute`.
    """
    with RunDirectory.reopen(directory) as run_directory:
        config = load_saved(directory / CONFIG)
        if (directory / SUMMARY).exists():
            return _objective(json.loads((directory / SUMMARY).read_text())["seeds"])
        streams = Streams(range(config.seed, config.seed + config.num_seeds))
        game = build.build_game(config, streams)
        saved = Checkpoints(directory).load_latest()
        if saved is not None and (changed := changes(saved.get("versions", {}))):
            _log.warning("%s: bytes may differ from here on, with %s", directory, changed)
        return _train(config, streams, game, run_directory, saved)


def _train(
    config: RunConfig,
    streams: Streams,
    game: Game,
    run_directory: RunDirectory,
    saved: State | None,
) -> float:
    ledger, loop = Ledger(config.num_seeds), LoopState.start(config.num_seeds)
    learner, predictability = build.build_learner(config, game), PredictabilityReport()
    log = LocalLog(run_directory, size=0 if saved is None else saved["log_size"])
    mirrors = _mirrors(config, run_directory, resumed=saved is not None)
    with (
        Interruption() as interruption,
        MultiLogger([log, *mirrors]) as logger,
        Progress(config.max_local_steps) as progress,
    ):
        recorder = Recorder(
            streams.seeds,
            ledger,
            logger,
            progress.update,
            learner.policy_arrays,
            predictability.add,
            gap_thresholds=config.metrics.gap_thresholds,
            every=config.metrics.every,
            stop_at_smallest_gap=config.metrics.stop_at_smallest_gap,
        )
        schedule = build.build_schedule(config, streams)
        parts: dict[str, _Part] = {
            "loop": loop,
            "ledger": ledger,
            "recorder": recorder,
            "streams": streams,
            "game": game,
            "predictability": predictability,
        }
        if saved is not None:
            try:
                learner.restore(saved["learner"], game.restore_experience)
                for name, part in parts.items():
                    part.restore(saved[name])
            except (AttributeError, KeyError, TypeError) as error:
                raise InputError(
                    f"{run_directory.path}: another version of marl_comm has written its "
                    "checkpoint; resume it with that one, or delete the directory and run it again"
                ) from error

        def state() -> State:
            states = {name: part.state() for name, part in parts.items()}
            return {
                **states,
                "learner": learner.state(),
                "log_size": log.size,
                "versions": software,
            }

        checkpoints, software = Checkpoints(run_directory.path), versions()
        last_saved = -math.inf  # the first local update is saved: one is there when needed

        def after_step() -> None:
            nonlocal last_saved
            late = time.monotonic() - last_saved >= config.checkpoint_seconds
            if late or interruption.requested:
                checkpoints.save(loop.local_step, state())
                interruption.raise_if_requested()
                last_saved = time.monotonic()

        try:
            train(
                game,
                learner,
                build.build_algorithm(config),
                schedule,
                build.build_budget(config),
                ledger,
                recorder,
                config.samples_per_round,
                loop,
                after_step,
            )
        except NumbersError as error:
            latest = checkpoints.latest()
            where = (
                f"last good checkpoint: {latest}" if latest else "there is no checkpoint before it"
            )
            raise NumbersError(f"{error}; {where}") from error
        run_directory.write_final({**recorder.final, **game.arrays()})
        seeds = recorder.summary()
        summary = {"status": "finished", "seeds": seeds, "versions": software}
        if config.learner.name == "mappo":
            summary["predictability"] = predictability.summary()
        logger.finish(summary)
        checkpoints.discard()
    return _objective(seeds)


def _objective(seeds: list[dict[str, Any]]) -> float:
    """Return what sweepers minimise: the Nash gap, or where it is unknown minus the return."""
    if "nash_gap" not in seeds[0]:
        return -float(np.mean([seed["evaluation_sampled_return"] for seed in seeds]))
    return float(np.mean([seed["nash_gap"] for seed in seeds]))


def _mirrors(config: RunConfig, run_directory: RunDirectory, *, resumed: bool) -> list[Logger]:
    """Return the loggers beside the local one, shown all that the local log holds already."""
    if config.logger.name != "wandb":
        return []
    # Importing W&B takes longer than a small run: only those who want it wait for it.
    from marl_comm.loggers.wandb import WandbLogger

    mirror = WandbLogger(
        config.logger,
        run_directory.path,
        config.model_dump(),
        range(config.seed, config.seed + config.num_seeds),
    )
    if resumed:
        for points in logged_steps(run_directory.path):
            mirror.log(points)
    return [mirror]
