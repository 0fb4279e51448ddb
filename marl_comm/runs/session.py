"""One run: claims its directory, trains every seed, saves itself, and leaves its results."""

import logging
import math
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from marl_comm.command_line.program import typed
from marl_comm.config.loading import load_saved
from marl_comm.config.run import RunConfig
from marl_comm.errors import DamagedError, InputError, NumbersError
from marl_comm.loggers import Logger, MultiLogger
from marl_comm.loggers.local import LocalLog, logged_steps
from marl_comm.loggers.progress import Progress
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import PartsOfNetworks, PartsOfTables, assemble
from marl_comm.runs.interruption import FINISHED, Interruption
from marl_comm.runs.objective import Result, objective_of
from marl_comm.runs.origin import origin
from marl_comm.runs.predictability import PredictabilityReport
from marl_comm.runs.recorder import Recorder
from marl_comm.runs.recovery import (
    belongings,
    of_another_version,
    state_to_go_on_from,
    tidy,
)
from marl_comm.runs.start import Start, origin_of
from marl_comm.runs.trust import refuse_foreign, remember
from marl_comm.storage.checkpoints import Checkpoints, State
from marl_comm.storage.digests import read_summary, refuse_changed
from marl_comm.storage.directory import RunDirectory, refuse_no_run
from marl_comm.storage.files import CONFIG, SUMMARY
from marl_comm.storage.versions import changes, versions
from marl_comm.train import LoopState

_log = logging.getLogger(__name__)


Assembling: TypeAlias = Callable[[RunConfig, Streams], "PartsOfTables | PartsOfNetworks"]
"""How the parts of a run are made."""


def execute(config: RunConfig, directory: Path, assembling: Assembling = assemble) -> Result:
    """Train as configured and return the objective that a sweeper may minimise.

    Args:
        config: The checked configuration.
        directory: Where the results go; must not hold a run yet.
        assembling: Makes the parts of the run.

    Returns:
        What `metrics.objective` names; see `runs.objective`.

    Raises:
        InputError: The directory cannot be claimed, or the game does not fit into memory.
        OutputError: Results cannot be written; what was logged before stays readable.
        NumbersError: Learning has left numbers that are not finite; the log and the checkpoints
            end before that local update.
        Interrupted: By a signal, after saving a checkpoint.
    """
    remember(config)
    start = Start.chosen_by(config)
    streams, parts = _parts(config, start, assembling)
    with closing(parts.game), RunDirectory.claim(directory) as run_directory:
        if start is not None:
            run_directory.write_start(start.to_keep())
        run_directory.write_origin(origin(origin_of(config)))
        run_directory.write_config(config.model_dump())
        return Session(config, streams, parts, run_directory).train(saved=None)


def resume(directory: Path, *, trust: bool = False, assembling: Assembling = assemble) -> Result:
    """Continue a run from its last checkpoint, or from its start where it has none.

    The run ends with the same bytes in its files as if it had never been interrupted. A finished
    run is left alone, but for what a kill may have left beside its results.

    Args:
        directory: A run directory.
        trust: Whether to import whatever the run names, whoever made it.
        assembling: Makes the parts of the run.

    Returns:
        The objective, as `execute` does.

    Raises:
        DamagedError: A file of the run is damaged, or does not belong to the others.
        InputError: The directory holds no run, another process is at work on it, another version
            of marl_comm was, or it would import what no command of this user's has.
        OutputError: As in `execute`.
        NumbersError: As in `execute`.
        Interrupted: As in `execute`.
    """
    refuse_no_run(directory)
    if os.path.lexists(directory / SUMMARY):
        return finished_objective(directory)
    with RunDirectory.reopen(directory) as run_directory:
        if os.path.lexists(directory / SUMMARY):  # since another process had it a moment ago
            return finished_objective(directory)
        config = load_saved(directory / CONFIG)
        if not trust:
            refuse_foreign(config, directory / CONFIG)
        file, saved = state_to_go_on_from(directory, Checkpoints(directory))
        start = None if config.start_from is None else Start.kept_in(directory)
        streams, parts = _parts(config, start, assembling)
        if saved is not None and (changed := changes(saved.get("versions", {}))):
            _log.warning("%s: bytes may differ from here on, with %s", directory, changed)
        with closing(parts.game):
            return Session(config, streams, parts, run_directory).train(saved, file)


def _parts(
    config: RunConfig, start: Start | None, assembling: Assembling
) -> tuple[Streams, PartsOfTables | PartsOfNetworks]:
    """Return the random streams and the parts of a run at its start."""
    streams = Streams(config.seeds, 0 if start is None else start.life)
    parts = assembling(config, streams)
    if start is not None:
        try:
            start.begin(config, parts)
        except InputError:
            parts.game.close()
            raise
    return streams, parts


def finished_objective(directory: Path) -> Result:
    """Return the objective of a finished run, and remove what a kill has left beside its results.

    Raises:
        DamagedError: A file of the run is not as it was written.
        InputError: A file is a link, a pipe, a directory or the like.
    """
    summary = read_summary(directory)
    refuse_changed(directory, summary)
    try:
        wanted = load_saved(directory / CONFIG).metrics.objective
        objective = objective_of(summary["seeds"], wanted)
    except (LookupError, TypeError, ValueError) as error:
        raise DamagedError(f"cannot read {directory / SUMMARY}: a seed lacks figures") from error
    tidy(directory)
    return objective


class _Part(Protocol):
    """What a checkpoint holds under a name of its own."""

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class Session:
    """One run under way: trains, saves itself, and leaves its results in its directory."""

    def __init__(
        self,
        config: RunConfig,
        streams: Streams,
        parts: PartsOfTables | PartsOfNetworks,
        run_directory: RunDirectory,
    ) -> None:
        """Begin at the start of training.

        Args:
            config: The checked configuration.
            streams: The random streams of the run's seeds.
            parts: What the run is made of.
            run_directory: Where the results go; belongs to this process.
        """
        self._config, self._streams, self._parts = config, streams, parts
        self._directory = run_directory
        self._loop = LoopState.start(config.num_seeds)
        self._predictability = PredictabilityReport()
        self._checkpoints = Checkpoints(run_directory.path)
        self._versions = versions()

    def train(self, saved: State | None, file: Path | None = None) -> Result:
        """Train to the end, and return the objective.

        Args:
            saved: The state of a checkpoint; None starts from the beginning.
            file: Which checkpoint that was.
        """
        config, parts = self._config, self._parts
        log = LocalLog(self._directory, size=0 if saved is None else saved["log"]["size"])
        mirrors = _mirrors(config, self._directory, resumed=saved is not None)
        with (
            Interruption() as interruption,
            MultiLogger([log, *mirrors]) as logger,
            Progress(config.max_local_steps, quiet=config.quiet) as progress,
        ):
            recorder = Recorder(
                self._streams.seeds,
                parts.ledger,
                logger,
                progress.update,
                self._predictability.add,
                gap_thresholds=config.metrics.gap_thresholds,
                every=config.metrics.every,
                stop_at_smallest_gap=config.metrics.stop_at_smallest_gap,
            )
            if saved is not None and file is not None:
                self._restore(recorder, saved, file)
            saving = _Saving(
                config.checkpoint_seconds,
                interruption,
                f"saved; to go on: {typed('resume', str(self._directory.path))}",
                lambda: self._checkpoints.save(
                    self._loop.local_step, self._state(recorder, log.settled())
                ),
            )
            try:
                parts.train(recorder, self._loop, saving.after_step)
            except NumbersError as error:
                raise NumbersError(f"{error}; {self._last_good()}") from error
            self._directory.write_final({**recorder.final, **parts.game.arrays()})
            logger.finish(self._summary(recorder))
            self._checkpoints.discard()
        interruption.raise_if_requested(FINISHED)
        return objective_of(recorder.summary(), config.metrics.objective)

    def _saved_parts(self, recorder: Recorder) -> dict[str, _Part]:
        """Return all that changes while training, but the learner, by its name in a checkpoint."""
        return {
            "loop": self._loop,
            "ledger": self._parts.ledger,
            "recorder": recorder,
            "streams": self._streams,
            "game": self._parts.game,
            "algorithm": self._parts.algorithm,
            "predictability": self._predictability,
        }

    def _state(self, recorder: Recorder, log: dict[str, Any]) -> State:
        """Return the whole state of the run and what it belongs to, for a checkpoint."""
        return {
            **{name: part.state() for name, part in self._saved_parts(recorder).items()},
            "learner": self._parts.learner.state(),
            "versions": self._versions,
            **belongings(self._directory.path, log),
        }

    def _restore(self, recorder: Recorder, saved: State, file: Path) -> None:
        """Take over the whole state of a checkpoint."""
        try:
            self._parts.learner.restore(saved["learner"], self._parts.game.restore_experience)
            for name, part in self._saved_parts(recorder).items():
                # Version 0.1.0 had no algorithm that remembers anything.
                part.restore(saved.get(name, {}) if name == "algorithm" else saved[name])
        except Exception as error:  # of any kind: whatever the parts make of somebody else's state
            raise of_another_version(file) from error

    def _summary(self, recorder: Recorder) -> dict[str, Any]:
        """Return what the run has come to."""
        summary: dict[str, Any] = {
            "status": "finished",
            "seeds": recorder.summary(),
            "versions": self._versions,
        }
        if self._config.learner.policies == "networks":
            summary["predictability"] = self._predictability.summary(
                asked_the_game=self._config.algorithm.asks_the_game
            )
        return summary

    def _last_good(self) -> str:
        latest = self._checkpoints.latest()
        return f"last good checkpoint: {latest}" if latest else "there is no checkpoint before it"


class _Saving:
    """Saves at intervals, and when the run is asked to end."""

    def __init__(
        self, seconds: float, interruption: Interruption, left: str, save: Callable[[], None]
    ) -> None:
        self._seconds, self._interruption, self._save = seconds, interruption, save
        self._left = left
        self._last = -math.inf  # the first local update is saved: one is there when needed

    def after_step(self) -> None:
        """Save if it is time to."""
        late = time.monotonic() - self._last >= self._seconds
        if late or self._interruption.requested:
            self._save()
            self._interruption.raise_if_requested(self._left)
            self._last = time.monotonic()


def _mirrors(config: RunConfig, run_directory: RunDirectory, *, resumed: bool) -> list[Logger]:
    """Return the loggers beside the local one, shown all that the local log holds already."""

    def draw(file: Path) -> None:
        # Imported late: tables draw nothing. What the run imports is imported already.
        from marl_comm.runs.playing import draw_episode

        draw_episode(run_directory.path, file, trust=True)

    mirror = config.logger.mirror(config, run_directory.path, draw)
    if mirror is None:
        return []
    if resumed:
        for points in logged_steps(run_directory.path):
            mirror.log(points)
    mirror.remove_earlier()
    return [mirror]
