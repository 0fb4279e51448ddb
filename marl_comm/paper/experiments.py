"""An experiment, `configs/experiment/NAME.yaml`, as a list of jobs."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

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
from marl_comm.runs.cost import seconds_of
from marl_comm.settings import label_of

# What has no influence on results names no run.
_NOT_IDENTITY: dict[str, Any] = {
    "logger": True,
    "checkpoint_seconds": True,
    "metrics": {"objective": True},
}


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
        if identity["start_from"] is None:  # a key that the first runs did not have
            del identity["start_from"]
        if not identity["learner"].get("recompute_advantages", True):  # likewise
            del identity["learner"]["recompute_advantages"]
        text = json.dumps(identity, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        game, algorithm = label_of(identity["game"]), label_of(identity["algorithm"])
        return f"{game.replace('/', '_')}-{algorithm}-{digest}"

    @property
    def seconds(self) -> float:
        """A rough upper estimate of its time on one core: as if no seed ended early."""
        return seconds_of(self.config)


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
