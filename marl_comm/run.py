"""The entry point: compose, validate, claim the directory, train, return the objective.

python -m marl_comm.run game=coverage algorithm=base_policy_prediction num_seeds=20
"""

import logging
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from marl_comm.command_line.composition import (
    CONFIG_DIRECTORY,
    CONFIG_NAME,
    HYDRA_VERSION_BASE,
    refuse_odd_choices,
)
from marl_comm.command_line.exits import FAILURE, RAISE_ERRORS, SET_BY_PROGRAM, ended, report
from marl_comm.command_line.hydra_errors import as_input_error
from marl_comm.command_line.jobs import knows_its_jobs, name_of
from marl_comm.command_line.launching import JobError, as_launch_error
from marl_comm.config.loading import load
from marl_comm.errors import BusyError, InputError
from marl_comm.plain_text import one_line, printable
from marl_comm.runs import sweep
from marl_comm.runs.again import play_on
from marl_comm.runs.closing import closing_lines
from marl_comm.runs.interruption import (
    FINISHED,
    SAVED,
    Interrupted,
    end_with_parent,
    raise_unanswered,
)
from marl_comm.runs.objective import Result, unknown

DRY_RUN = "--dry-run"
_SWEEP_DIRECTORY = "hydra.sweep.dir="


def play(cfg: DictConfig) -> Result:
    """Play one run and return the objective that sweepers minimise."""
    job = HydraConfig.get()
    directory = Path(job.runtime.output_dir)
    if job.mode is RunMode.MULTIRUN:
        launcher = job.launcher["_target_"]
        if "joblib" in launcher:  # its workers would wait minutes for more
            end_with_parent()
        try:
            return _play_job(cfg, directory)
        except Interrupted as error:
            if "submitit" in launcher:  # its workers would print a traceback
                raise SystemExit(report(error)) from error
            raise
    try:
        config = load(cfg)
        result = play_on(config, directory, "run")
        if not config.quiet:
            print("\n".join(closing_lines(directory)))
        return result
    except Exception as error:
        with suppress(OSError):
            directory.rmdir()  # which Hydra has made: a run that never began leaves nothing
        raise SystemExit(report(error)) from error


def _play_job(cfg: DictConfig, directory: Path) -> Result:
    """Play one job of a sweep; its failure does not keep the sweep from going on."""
    try:
        # As it was when the sweep started, whatever has become of the files since.
        config = sweep.planned(directory) if knows_its_jobs(HydraConfig.get()) else None
        if config is None:
            config = load(cfg).in_group(directory.parent.name)
            sweep.plan_job(directory, config)
        try:
            return sweep.play_job(config, directory)
        except BusyError as error:
            print(printable(str(error)), file=sys.stderr)
            return unknown(config.metrics.objective)
    except Interrupted as error:
        if error.left != FINISHED:
            error.left = SAVED
        raise
    except Exception as error:
        code = report(error)
        raise_unanswered()
        raise JobError(code) from error


def main() -> int:
    """Run the command that `sys.argv` holds and return its exit code.

    0: finished; 1: failed, because a file could not be written or numbers are not finite; 2: bad
    input, told in one line; 130 or 143: interrupted by Ctrl-C or SIGTERM, and saved.
    """
    try:
        return _run()
    finally:
        sweep.close()


def _run() -> int:
    logging.raiseExceptions = False  # a console that is full or gone costs no run
    try:
        typed = sys.argv[1:]
        dry = DRY_RUN in typed
        arguments, options = _arguments([word for word in typed if word != DRY_RUN])
        refuse_odd_choices(arguments.overrides)
        if arguments.multirun:
            arguments.overrides += _name_of_sweep(arguments.overrides)
        if dry or (arguments.multirun and arguments.cfg is not None):
            return _preview(arguments, dry=dry)
        # Hydra reads them anew, and knows flags only before overrides.
        sys.argv[1:] = [*options, *arguments.overrides]
        with _hydra_raises_errors():
            hydra.main(
                config_path=str(CONFIG_DIRECTORY),
                config_name=CONFIG_NAME,
                version_base=HYDRA_VERSION_BASE,
            )(play)()
    except JobError as failed:
        return failed.code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILURE
    except (InputError, KeyboardInterrupt) as error:
        return report(error)
    except Exception as error:  # `play` lets none out: this one is Hydra's or a launcher's
        about_input = not sweep.launched or isinstance(error, HydraException)
        return report(as_input_error(error) if about_input else as_launch_error(error))
    return 0


def _preview(arguments: Namespace, *, dry: bool) -> int:
    """Tell what the command would do; return the exit code."""
    from marl_comm.command_line.preview import jobs_of, print_configurations, print_costs

    if not dry and arguments.cfg != "job":
        raise InputError(f"--cfg {arguments.cfg}: with -m only --cfg job can be shown")
    directory, jobs = jobs_of(
        arguments.overrides, sweep=arguments.multirun, config_dir=arguments.config_dir
    )
    if dry:
        print_costs(directory, jobs)
    else:
        print_configurations(jobs)
    return 0


def _name_of_sweep(overrides: list[str]) -> list[str]:
    """Return what names a sweep's directory by its overrides, so that it can be launched again."""
    if any(override.lstrip("+").startswith(_SWEEP_DIRECTORY) for override in overrides):
        return []
    own = [override for override in overrides if not override.startswith("hydra")]
    # Every job is composed anew, and must find the same directory: hence not in the files.
    return [f"{_SWEEP_DIRECTORY}'outputs/sweeps/{name_of(own)}'"]


def _arguments(arguments: list[str]) -> tuple[Namespace, list[str]]:
    """Return what was typed, read, and the flags in it with their values.

    Flags and overrides may stand in any order; unknown flags are refused in one line.
    """
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ").split()
        hint = "--help lists what is allowed"
        if any(word.startswith("--") for word in unknown):
            hint = f"settings are typed key=value; {hint}"
        raise InputError(one_line(f"{message}; {hint}"))

    parser.error = refuse  # type: ignore[method-assign]
    found = parser.parse_intermixed_args(arguments)
    options = list(arguments)
    for override in found.overrides:
        options.remove(override)
    return found, options


@contextmanager
def _hydra_raises_errors() -> Iterator[None]:
    """Make Hydra raise its errors instead of printing them over several lines."""
    set_by_user = os.environ.get(RAISE_ERRORS)
    os.environ[RAISE_ERRORS] = "1"
    if set_by_user != "1":
        os.environ[SET_BY_PROGRAM] = "1"
    try:
        yield
    finally:
        os.environ.pop(SET_BY_PROGRAM, None)
        if set_by_user is None:
            del os.environ[RAISE_ERRORS]
        else:
            os.environ[RAISE_ERRORS] = set_by_user


if __name__ == "__main__":
    sys.exit(ended(main()))
