"""An experiment, `configs/experiment/NAME.yaml`, as a list of jobs."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import hydra

from marl_comm.command_line.composition import (
    CONFIG_DIRECTORY,
    CONFIG_NAME,
    HYDRA_VERSION_BASE,
)
from marl_comm.command_line.hydra_errors import hydra_errors_as_input_errors
from marl_comm.command_line.jobs import check_sweep
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.games.settings import TabularGameSettings
from marl_comm.learners.settings import NetworkLearnerSettings
from marl_comm.settings import label_of

# What has no influence on results names no run.
_NOT_IDENTITY = {"logger", "checkpoint_seconds"}
# Measured on one core; see scripts/benchmark.py. Only used to say beforehand what a sweep costs.
_SECONDS_PER_JOB = 0.3
_SECONDS_PER_UPDATE = 3e-4
_SECONDS_PER_SAMPLE_AND_AGENT = 2e-9
_SECONDS_PER_SAMPLE_AND_AGENT_OF_ROUND = 2e-8
# Of networks in environments of mpe2, per seed.
_SECONDS_PER_JOINT_STEP = 1.4e-4
_SECONDS_PER_JOINT_STEP_AND_EPOCH = 3.5e-6
_SECONDS_PER_JOB_OF_NETWORKS = 5.0  # importing torch


@dataclass(frozen=True)
class Job:
    """One run of an experiment.

    Attributes:
        config: Resolved and checked.
    """

    config: RunConfig

    @cached_property
    def name(self) -> str:
        """Return a directory name: equal for equal configurations, whatever they were typed as."""
        identity = self.config.model_dump(mode="json", exclude=_NOT_IDENTITY)
        text = json.dumps(identity, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        game, algorithm = label_of(identity["game"]), label_of(identity["algorithm"])
        return f"{game.replace('/', '_')}-{algorithm}-{digest}"

    @property
    def seconds(self) -> float:
        """A rough upper estimate of its time on one core: as if no seed ended early."""
        config = self.config
        if isinstance(config.game, EnvironmentSettings):
            return self._seconds_of_networks(config.game)
        assert isinstance(config.game, TabularGameSettings)
        samples = (config.samples_per_round or 0) * config.game.agents * config.num_seeds
        update = _SECONDS_PER_UPDATE + samples * _SECONDS_PER_SAMPLE_AND_AGENT
        round_ = samples * _SECONDS_PER_SAMPLE_AND_AGENT_OF_ROUND
        steps = config.max_local_steps
        rounds = config.communication.expected_rounds(steps)
        return _SECONDS_PER_JOB + steps * update + rounds * round_

    def _seconds_of_networks(self, game: EnvironmentSettings) -> float:
        """As if each local update had a chunk of its own; of missing data there are fewer."""
        learner, steps = self.config.learner, self.config.max_local_steps
        assert isinstance(learner, NetworkLearnerSettings)
        chunk = game.copies * game.steps
        # Every other episode of an evaluation is greedy.
        evaluations = 2 * game.evaluation_copies * game.longest_evaluation / game.evaluation_every
        update = chunk * learner.passes * _SECONDS_PER_JOINT_STEP_AND_EPOCH
        step = (chunk + evaluations) * _SECONDS_PER_JOINT_STEP + update
        return _SECONDS_PER_JOB_OF_NETWORKS + steps * self.config.num_seeds * step


def command_of(experiment: str, overrides: Sequence[str]) -> str:
    """Return the command that runs an experiment's sweep."""
    return shlex.join(["python", "-m", "marl_comm.run", "-m", f"experiment={experiment}"]) + (
        "".join(f" {shlex.quote(override)}" for override in overrides)
    )


def jobs_of_experiment(experiment: str, overrides: Sequence[str] = ()) -> list[Job]:
    """Return the jobs of an experiment, every one checked.

    Args:
        experiment: The name of a file in `configs/experiment`.
        overrides: As typed after it on the command line; what is swept over is changed by
            `hydra.sweeper.params.KEY='"VALUE,VALUE"'`.

    Raises:
        InputError: There is no such experiment, or one of its jobs is not valid.
    """
    if not experiment_file(experiment).is_file():
        raise InputError(f"experiment={experiment}: there is no {experiment_file(experiment)}")
    typed = [f"experiment={experiment}", *overrides]
    with (
        hydra_errors_as_input_errors(),
        hydra.initialize_config_dir(str(CONFIG_DIRECTORY), version_base=HYDRA_VERSION_BASE),
    ):
        jobs = check_sweep(hydra.compose(CONFIG_NAME, typed, return_hydra_config=True))
    return [Job(job.config) for job in jobs.values()]


def experiment_file(experiment: str) -> Path:
    """Return where an experiment is defined."""
    return CONFIG_DIRECTORY / "experiment" / f"{experiment}.yaml"
