"""What a command would do, told without doing it: the jobs, their configurations, their cost."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import hydra
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from marl_comm.command_line.composition import CONFIG_DIRECTORY, CONFIG_NAME, HYDRA_VERSION_BASE
from marl_comm.command_line.hydra_errors import hydra_errors_as_input_errors
from marl_comm.command_line.jobs import check_job, check_sweep, knows_its_jobs, refuse_nameless
from marl_comm.errors import InputError
from marl_comm.loggers.progress import duration
from marl_comm.runs.cost import rounds_of, samples_of, seconds_of
from marl_comm.runs.sweep import SweepJob, refuse_changes, standing
from marl_comm.storage.files import SUMMARY


def jobs_of(
    overrides: Sequence[str], *, sweep: bool, config_dir: str | None
) -> tuple[Path, dict[str, SweepJob]]:
    """Return the jobs of a command line by the names of their directories, every one checked.

    Args:
        overrides: As typed.
        sweep: Whether it is a sweep; else it has one job.
        config_dir: A directory with options of the user's own.

    Returns:
        The directory that all of theirs are in, and the jobs.

    Raises:
        InputError: A job is not valid, or the sweeper does not know its jobs beforehand.
    """
    given = list(overrides)
    if config_dir is not None:
        given.append(f'hydra.searchpath=["file://{Path(config_dir).absolute()}"]')
    with hydra.initialize_config_dir(str(CONFIG_DIRECTORY), version_base=HYDRA_VERSION_BASE):
        with hydra_errors_as_input_errors():
            config = _composed(given, RunMode.MULTIRUN if sweep else RunMode.RUN)
        if not sweep:
            refuse_nameless(config, "run.dir")
            directory = Path(config.hydra.run.dir)
            job = SweepJob(check_job(config), tuple(overrides))
            return directory.parent, {directory.name: job}
        refuse_nameless(config, "sweep.dir")
        if not knows_its_jobs(config.hydra):
            raise InputError(
                "this sweeper chooses its jobs as it goes, so there is nothing to tell beforehand"
            )
        return Path(config.hydra.sweep.dir), check_sweep(config)


def print_configurations(jobs: Mapping[str, SweepJob]) -> None:
    """Print every job's whole configuration, as one YAML document each."""
    for number, job in enumerate(jobs.values()):
        print(f"---\n# job {number}: {' '.join(job.overrides)}")
        print(yaml.safe_dump(job.config.model_dump(), sort_keys=False, allow_unicode=True), end="")


def print_costs(directory: Path, jobs: Mapping[str, SweepJob]) -> None:
    """Print how each job stands, and what it and all that are left would take, roughly.

    Raises:
        InputError: A job's directory holds a run of another configuration.
    """
    refuse_changes(directory, jobs)
    table = Table("job", "state", title=str(directory), title_justify="left")
    for column in ("seeds", "rounds", "samples", "time"):
        table.add_column(column, justify="right")
    left = [0.0, 0.0]
    finished = 0
    for name, job in jobs.items():
        config = job.config
        samples, seconds = samples_of(config), seconds_of(config)
        if (directory / name / SUMMARY).exists():
            finished += 1
        else:
            left = [left[0] + samples, left[1] + seconds]
        numbers = (f"{config.num_seeds:,}", f"{rounds_of(config):,.0f}", f"{samples:,.0f}")
        table.add_row(name, standing(directory / name), *numbers, duration(seconds))
    Console(width=180, soft_wrap=True).print(table)
    print(
        f"jobs: {len(jobs)}, {finished} of them finished; left are about {left[0]:,.0f} samples, "
        f"{duration(left[1])} on one core, if no seed ends early"
    )


def _composed(overrides: list[str], mode: RunMode) -> DictConfig:
    made = GlobalHydra.instance().hydra
    assert made is not None
    return made.compose_config(CONFIG_NAME, overrides, mode, with_log_configuration=False)
