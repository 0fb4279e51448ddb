"""A run with classes of the user's own is tried in small before anything of it is written."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from marl_comm.algorithms.algorithm import TabularAlgorithm
from marl_comm.arrays import AnyArray, Array, BoolArray, IntArray
from marl_comm.communication.schedule import Clock, Data, Schedule
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.games.game import Evaluation
from marl_comm.games.settings import TabularGameSettings
from marl_comm.learners.learner import Trained
from marl_comm.learners.settings import LearnerOfTables
from marl_comm.options.own import OwnOption
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import PartsOfTables, assemble
from marl_comm.storage.checkpoints import Checkpoints
from marl_comm.train import LoopState

_SEEDS = 3
_ROUNDING = 1e-6  # that products over other numbers of seeds may come to in a few updates
_SAMPLES = 64  # and no fewer than an episode for each base policy
_ENDS = np.array([2, 4, 0])  # local updates at which the seeds end; one ends before its first round


def rehearse(run: RunConfig, *, in_sweep: bool = False) -> None:
    """Make sure that the options can be had, and let those of the user's own play a little.

    Each local update has a round, seeds end one after another, and the algorithm is restored from
    a checkpoint again and again. Then each seed plays alone, and must plan what it planned beside
    the others. Networks are not tried, which would take as long as a run.

    Args:
        run: The run.
        in_sweep: Whether it is a job of a sweep. An environment that cannot be made then ends its
            own job, not the sweep.

    Raises:
        InputError: A class cannot be had, or something that it returns is not what it must be.
    """
    run.ready(environments=not in_sweep)
    own = any(isinstance(option, OwnOption) for option in run.options)
    if not own or run.learner.policies == "networks":
        return
    seeds = min(run.num_seeds, _SEEDS)
    together = _played(run, run.seed, seeds)
    for seed in range(run.seed, run.seed + seeds) if seeds > 1 else ():
        alone = _played(run, seed, 1)
        for step in together.keys() & alone.keys():
            if not _same(alone[step], together[step]):
                raise InputError(
                    f"{_named(run)}: beside other seeds, seed {seed} plans other base policies "
                    "than alone; keep(rows) must drop the seeds that have ended from all that is "
                    "remembered, and no seed may depend on another"
                )


def _played(run: RunConfig, seed: int, seeds: int) -> dict[tuple[int, int], Array]:
    """Play in small, and return the base policies planned, by seed and local update."""
    smaller = {"seed": seed, "num_seeds": seeds, "samples_per_round": _few_samples(run)}
    small = run.model_copy(update=smaller)
    parts = cast(PartsOfTables, assemble(small, Streams(range(seed, seed + seeds))))
    learner, algorithm = cast(LearnerOfTables, parts.learner), cast(Any, parts.algorithm)
    trial = _Trial(small, learner, algorithm)
    rehearsed = replace(
        parts,
        schedule=_EveryUpdate(parts.schedule),
        budget=replace(parts.budget, max_rounds=None, max_samples=None),
        plan=trial.plan,
    )
    rehearsed.train(trial, trial.loop, trial.after_step)
    parts.game.arrays()
    return trial.planned


def _same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=0, atol=_ROUNDING)


def _named(run: RunConfig) -> str:
    """Return the option to blame: the algorithm, unless it is the package's."""
    for key in ("algorithm", "game", "communication"):
        option = getattr(run, key)
        if isinstance(option, OwnOption):
            return f"{key}.class={option.class_}"
    return f"algorithm={run.algorithm.name}"


def _few_samples(run: RunConfig) -> int | None:
    if run.samples_per_round is None:
        return None
    assert isinstance(run.game, TabularGameSettings)
    needed = run.game.episode_length * run.algorithm.most_bases
    return min(run.samples_per_round, max(_SAMPLES, needed))


class _EveryUpdate(Schedule):
    """Asks a schedule, and has a round at every local update whatever it answers."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def due(self, clock: Clock, data: Data) -> BoolArray:
        return np.ones_like(self._schedule.due(clock, data))


class _Trial:
    """Ends the rehearsal, and compares the algorithm with one restored from a checkpoint."""

    def __init__(
        self,
        run: RunConfig,
        learner: LearnerOfTables,
        algorithm: TabularAlgorithm,
    ) -> None:
        self._run, self._learner, self._algorithm = run, learner, algorithm
        self._restored: TabularAlgorithm | None = None
        self._named = _named(run)
        self.loop = LoopState.start(run.num_seeds)
        self.planned: dict[tuple[int, int], Array] = {}

    def record(
        self, seed_rows: IntArray, local_step: int, evaluation: Evaluation, learner: Trained
    ) -> BoolArray:
        ends = _ENDS if self._run.num_seeds > 1 else _ENDS[1:]
        return np.asarray(local_step >= ends[seed_rows])

    def stop(self, seed_rows: IntArray, reason: str, final: Mapping[str, AnyArray]) -> None:
        """Nothing is kept."""

    def after_step(self) -> None:
        """Restore another such algorithm from a checkpoint of this one."""
        with tempfile.TemporaryDirectory() as directory:
            checkpoints = Checkpoints(Path(directory))
            try:
                checkpoints.save(1, self._algorithm.state())
            except (TypeError, ValueError) as error:
                raise InputError(
                    f"{self._named}: state() must give nested dicts, with words as keys, and "
                    f"lists of arrays, numbers, texts, true, false and None ({error})"
                ) from error
            self._restored = self._run.algorithm.for_tables(self._run)
            self._restored.restore(cast(dict[str, Any], checkpoints.load_latest()))

    def plan(self, rows: IntArray) -> BasePolicies:
        """Return the algorithm's plan, which the restored one must plan as well."""
        planned = self._algorithm.plan(self._learner, rows)
        for row, policies, count in zip(rows, planned.log_policies, planned.count, strict=True):
            seed = self._run.seed + int(self.loop.active[row])
            self.planned[seed, self.loop.local_step] = np.exp(policies[:count])
        if self._restored is not None:
            again = self._restored.plan(self._learner, rows)
            same = np.array_equal(planned.log_policies, again.log_policies)
            if not same or not np.array_equal(planned.count, again.count):
                raise InputError(
                    f"{self._named}: what state() and restore() bring back "
                    "from a checkpoint plans other base policies; they must hold all that plan() "
                    "remembers, its random draws included"
                )
        return planned
