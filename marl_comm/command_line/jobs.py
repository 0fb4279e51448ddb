"""The jobs of a sweep: checked before the first one starts, and named after their overrides."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict

from marl_comm.command_line.composition import refuse_odd_choices
from marl_comm.command_line.hydra_errors import hydra_errors_as_input_errors
from marl_comm.command_line.job_loader import JobLoader
from marl_comm.config.loading import load
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.plain_text import one_line, shortened
from marl_comm.runs.sweep import SweepJob
from marl_comm.settings import label_of
from marl_comm.storage.files import CHECKPOINTS, PLAN

_MOST_JOBS = 10_000
_LONGEST_NAME = 110  # characters; W&B allows 128 in all, file systems 255 bytes
_BY_OVERRIDES = "${marl_comm.name_of_overrides:}"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.,=+-]+")


def check_job(config: DictConfig) -> RunConfig:
    """Return the configuration of a job; raise InputError where it is not valid.

    Args:
        config: As composed by Hydra, its own settings included.
    """
    task = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return _checked(task, config)


def _checked(task: DictConfig, config: DictConfig) -> RunConfig:
    """Return the configuration of a job, whose values may refer to Hydra's settings."""
    with _hydra_knows(config):
        return load(task)


@contextmanager
def _hydra_knows(config: DictConfig) -> Iterator[None]:
    """Make values find Hydra's settings in a configuration, as they will in the job itself."""
    current: Any = HydraConfig.instance()  # holds the node `hydra` within the whole configuration
    previous, current.cfg = current.cfg, config
    try:
        yield
    finally:
        current.cfg = previous


def check_sweep(config: DictConfig) -> dict[str, SweepJob]:
    """Return every job of a sweep, by the name of its directory, in the order of the command.

    Only sweeps over all combinations of values know their jobs beforehand; for others there are
    none here, and each is checked when it starts.

    Args:
        config: As composed by Hydra for all jobs, its own settings included.

    Raises:
        InputError: A job is not valid.
    """
    checked: dict[str, SweepJob] = {}
    with hydra_errors_as_input_errors():
        if not knows_its_jobs(config.hydra):
            return checked
        sweep_name = Path(config.hydra.sweep.dir).name
        jobs = _jobs(config)
        by_overrides = config.hydra.sweep._get_node("subdir")._value() == _BY_OVERRIDES
    loader = JobLoader(GlobalHydra.instance().config_loader())
    for number, overrides in enumerate(jobs):
        try:
            refuse_odd_choices(overrides)
            with hydra_errors_as_input_errors():
                task, lent = loader.load_task(config, overrides)
            with open_dict(lent.hydra.job):
                lent.hydra.job.id = str(number)
                lent.hydra.job.num = number
            job_config = _checked(task, lent).in_group(sweep_name)
            name = name_of(overrides) if by_overrides else _name_in_sweep(task, lent)
            found = checked.setdefault(name, SweepJob(job_config, tuple(overrides)))
            if found.config != job_config:
                raise InputError(f"hydra.sweep.subdir={name}: an earlier job has this directory")
        except InputError as error:
            typed = one_line(shortened(" ".join(overrides)))
            raise InputError(f"job {number} of the sweep ({typed}): {error}") from error
    return checked


def knows_its_jobs(hydra: Any) -> bool:
    """Return whether a sweep runs all combinations of values, which are known beforehand.

    Args:
        hydra: Hydra's own settings.
    """
    target = hydra.sweeper["_target_"]
    return str(target).endswith((BasicSweeper.__name__, "MissingJobsSweeper"))


def refuse_nameless(config: DictConfig, key: str) -> None:
    """Raise InputError where a directory has an empty name, which would mean the current one."""
    with hydra_errors_as_input_errors():
        directory = OmegaConf.select(config.hydra, key)
    if not str(directory).strip():
        raise InputError(f"hydra.{key}={directory}: must be the name of a directory")


def refuse_odd_folder(config: DictConfig) -> None:
    """Raise InputError where Hydra would put its own files outside, or among, those of the run."""
    with hydra_errors_as_input_errors():
        folder = OmegaConf.select(config.hydra, "output_subdir")
    odd = ("", ".", "..", PLAN, CHECKPOINTS, "wandb")
    if folder is not None and (str(folder).strip() in odd or "/" in str(folder)):
        raise InputError(
            one_line(
                f"hydra.output_subdir={shortened(str(folder))}: must be the name of a folder in "
                "the run's directory, such as .hydra, or null"
            )
        )


def refuse_sweep_alone(config: DictConfig) -> None:
    """Raise InputError where what is chosen sweeps over values, and `-m` was not typed.

    One job of a sweep is played where the command line says which: by all keys that it sweeps over.
    """
    typed = {override.partition("=")[0].lstrip("+") for override in _typed_overrides(config)}
    swept = [str(key) for key in config.hydra.sweeper.params or {}]
    if missing := [key for key in swept if key not in typed]:
        raise InputError(
            f"this is a sweep over {', '.join(swept)}: add -m, or choose one job by typing "
            f"{', '.join(f'{key}=...' for key in missing)}"
        )


def _name_in_sweep(task: DictConfig, config: DictConfig) -> str:
    """Return the name of a job's directory, which may refer to any of its values."""
    with hydra_errors_as_input_errors(), _hydra_knows(config), open_dict(config):
        config.update(task)
        name = str(config.hydra.sweep.subdir)
    if name.strip() in ("", ".", "..", PLAN) or "/" in name:
        raise InputError(
            one_line(
                f"hydra.sweep.subdir={shortened(name)}: must be the name of a folder in the "
                f"sweep's directory, and not {PLAN}"
            )
        )
    return name


def name_of(overrides: Sequence[str]) -> str:
    """Return a directory name that is safe everywhere and different for different overrides."""
    typed = ",".join(overrides)
    name = _UNSAFE.sub("_", typed)[:_LONGEST_NAME]
    if name != typed:
        name += f"-{hashlib.sha256(typed.encode(errors='surrogatepass')).hexdigest()[:8]}"
    return name or "defaults"


def _jobs(config: DictConfig) -> list[list[str]]:
    """Return the overrides of each job, as the basic sweeper will make them."""
    parameters = config.hydra.sweeper.params or {}
    typed = [f"{key}={value}" for key, value in parameters.items()] + _typed_overrides(config)
    loader = GlobalHydra.instance().config_loader()
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(typed)
    if prod(_values(override) for override in overrides) > _MOST_JOBS:
        raise InputError(f"the sweep has more than {_MOST_JOBS} jobs: split it")
    return [job for batch in BasicSweeper.split_arguments(overrides, None) for job in batch]


def _values(override: Override) -> int:
    """Return over how many values an override sweeps, counting no further than needed."""
    if not override.is_discrete_sweep():
        return 1
    return sum(1 for _ in islice(override.sweep_string_iterator(), _MOST_JOBS + 1))


def _directory_name(*, _root_: DictConfig) -> str:
    return name_of(_typed_overrides(_root_))


def _label(group: str, *, _root_: DictConfig) -> str:
    option = _root_[group]
    # A class that is missing is told later, by its key.
    return label_of({key: option[key] for key in ("name", "class") if key in option})


def _typed_overrides(config: DictConfig) -> list[str]:
    """Return the overrides as typed: interpolations in them are the job's to resolve."""
    typed = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    return [str(override) for override in typed] if isinstance(typed, list) else []


OmegaConf.register_new_resolver("marl_comm.name_of_overrides", _directory_name, replace=True)
OmegaConf.register_new_resolver("marl_comm.label", _label, replace=True)
