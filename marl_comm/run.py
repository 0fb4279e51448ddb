"""The entry point: compose, validate, claim the directory, train, return the objective.

python -m marl_comm.run game=coverage algorithm=base_policy_prediction num_seeds=20
"""

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
from hydra.types import RunMode
from omegaconf import DictConfig

from marl_comm.command_line.composition import (
    CONFIG_DIRECTORY,
    CONFIG_NAME,
    HYDRA_VERSION_BASE,
    refuse_odd_choices,
)
from marl_comm.command_line.exits import FAILURE, report
from marl_comm.command_line.hydra_errors import as_input_error
from marl_comm.command_line.jobs import name_of
from marl_comm.config.loading import load
from marl_comm.config.messages import one_line
from marl_comm.errors import BusyError, InputError
from marl_comm.runs import sweep

_RAISE_ERRORS = "HYDRA_FULL_ERROR"
_SWEEP_DIRECTORY = "hydra.sweep.dir="


class JobError(Exception):
    """A job of a sweep has failed, and its error has been reported.

    Attributes:
        code: The exit code that goes with the error.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def play(cfg: DictConfig) -> float:
    """Play one run and return the objective that sweepers minimise: the mean final Nash gap."""
    job = HydraConfig.get()
    directory = Path(job.runtime.output_dir)
    if job.mode is RunMode.MULTIRUN:
        return _play_job(cfg, directory)
    try:
        config = load(cfg)
        # Imported late: mistakes on the command line are told before anything heavy is loaded.
        from marl_comm.runs.session import execute

        return execute(config, directory)
    except Exception as error:
        with suppress(OSError):
            directory.rmdir()  # which Hydra has made: a run that never began leaves nothing
        raise SystemExit(report(error)) from error


def _play_job(cfg: DictConfig, directory: Path) -> float:
    """Play one job of a sweep; its failure does not keep the sweep from going on."""
    try:
        # As it was when the sweep started, whatever has become of the files since.
        config = sweep.planned(directory) or load(cfg).in_group(directory.parent.name)
        return sweep.play_job(config, directory)
    except BusyError as error:
        print(error, file=sys.stderr)
        return float("nan")
    except Exception as error:
        raise JobError(report(error)) from error


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
    try:
        arguments = _arguments(sys.argv[1:])
        refuse_odd_choices(arguments.overrides)
        if arguments.multirun:
            _name_sweep(arguments.overrides)
        with _hydra_raises_errors():
            hydra.main(
                config_path=str(CONFIG_DIRECTORY),
                config_name=CONFIG_NAME,
                version_base=HYDRA_VERSION_BASE,
            )(play)()
    except JobError as failed:
        return failed.code
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else FAILURE
    except (InputError, KeyboardInterrupt) as error:
        return report(error)
    except Exception as error:  # `play` lets none out: this one is Hydra's, about its input
        return report(as_input_error(error))
    return 0


def _name_sweep(overrides: list[str]) -> None:
    """Name the sweep's directory by its overrides, so that the same sweep again continues it."""
    if not any(override.lstrip("+").startswith(_SWEEP_DIRECTORY) for override in overrides):
        own = [override for override in overrides if not override.startswith("hydra")]
        # Overrides must stand together: flags may follow them.
        last = overrides[-1] if overrides else sys.argv[-1]
        after = len(sys.argv) - sys.argv[::-1].index(last)
        # Every job is composed anew, and must find the same directory: hence not in the files.
        sys.argv.insert(after, f"{_SWEEP_DIRECTORY}'outputs/sweeps/{name_of(own)}'")


def _arguments(arguments: list[str]) -> Namespace:
    """Return the flags and overrides among the arguments; refuse unknown flags in one line."""
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ").split()
        hint = "--help lists what is allowed"
        if "unrecognized" in message and not any(word.startswith("-") for word in unknown):
            hint = "type all key=value together, before -m and other flags or after them"
        elif any(word.startswith("--") for word in unknown):
            hint = f"settings are typed key=value; {hint}"
        raise InputError(one_line(f"{message}; {hint}"))

    parser.error = refuse  # type: ignore[method-assign]
    return parser.parse_args(arguments)


@contextmanager
def _hydra_raises_errors() -> Iterator[None]:
    """Make Hydra raise its errors instead of printing them over several lines."""
    set_by_user = os.environ.get(_RAISE_ERRORS)
    os.environ[_RAISE_ERRORS] = "1"
    try:
        yield
    finally:
        if set_by_user is None:
            del os.environ[_RAISE_ERRORS]
        else:
            os.environ[_RAISE_ERRORS] = set_by_user


if __name__ == "__main__":
    sys.exit(main())
