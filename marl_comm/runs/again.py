"""A run that is started again in its own directory goes on there, or is finished."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

from marl_comm.config.loading import load_saved
from marl_comm.config.run import RunConfig
from marl_comm.errors import DamagedError, InputError
from marl_comm.plain_text import one_line, printable
from marl_comm.runs.objective import Result
from marl_comm.settings import flattened
from marl_comm.storage.files import CONFIG, SUMMARY, content_of

if TYPE_CHECKING:
    from marl_comm.runs.session import Assembling

# The same dumper in C, which most installations of PyYAML have.
_QuickDumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_MAY_DIFFER = ("quiet",)  # what a run says is no part of what it is


def play_on(
    config: RunConfig,
    directory: Path,
    what: Literal["run", "sweep"],
    assembling: "Assembling | None" = None,
) -> Result:
    """Run; resume where the directory holds the same run unfinished; do nothing where finished.

    This is what a scheduler needs that starts the same command again after it took the machine
    away.

    Args:
        config: The checked configuration.
        directory: The run's own.
        what: Whose directory the user has chosen: this run's, or a sweep's with this run in it.
        assembling: Makes the parts of the run; None for the usual way.

    Returns:
        The objective, as `marl_comm.runs.session.execute` does.

    Raises:
        DamagedError: A file of the run is damaged, or does not belong to the others.
        InputError: The directory holds a run of another configuration; or as `execute`.
        OutputError: As `execute`; so do NumbersError and Interrupted.
    """
    # Imported late: mistakes on the command line are told before anything heavy is loaded.
    if not os.path.lexists(directory / CONFIG):
        from marl_comm.runs.assemble import assemble
        from marl_comm.runs.session import execute

        return execute(config, directory, assembling or assemble)
    refuse_difference(directory / CONFIG, config, what)
    from marl_comm.runs.assemble import assemble
    from marl_comm.runs.session import finished_objective, resume

    if os.path.lexists(directory / SUMMARY):
        objective = finished_objective(directory)
        print(printable(f"finished before: {directory}"), file=sys.stderr)
        return objective
    print(printable(f"resuming: {directory}"), file=sys.stderr)
    # As this command would run itself: its user has named all that it imports.
    return resume(directory, trust=True, assembling=assembling or assemble)


def refuse_difference(file: Path, config: RunConfig, what: Literal["run", "sweep"]) -> None:
    """Raise InputError where a saved configuration is not this one, with the key that differs.

    Args:
        file: A `config.yaml`, or a job's in a sweep's plan.
        config: What is to be run.
        what: See `play_on`.
    """
    if _is_exactly(file, config):
        return
    saved = flattened(load_saved(file).model_dump())
    wanted = flattened(config.model_dump())
    for key in sorted(saved.keys() | wanted.keys()):
        if key not in _MAY_DIFFER and saved.get(key) != wanted.get(key):
            raise InputError(
                one_line(
                    f"{file} has {key}={saved.get(key)}, and this {what} would have "
                    f"{key}={wanted.get(key)}; choose another hydra.{what}.dir"
                )
            )


def _is_exactly(file: Path, config: RunConfig) -> bool:
    """Return whether a file holds this configuration, letter for letter.

    Quick, for large sweeps, and nothing of the file is parsed: it may be anybody's.
    """
    wanted = yaml.dump(
        config.model_dump(mode="json"), Dumper=_QuickDumper, sort_keys=False, allow_unicode=True
    ).encode()
    try:
        return content_of(file, len(wanted)) == wanted
    except DamagedError:  # the slow loader will tell it in words
        return False
