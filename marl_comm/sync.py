"""Rebuild the W&B run of a run directory from its local log, and upload it."""

import os
import sys
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from marl_comm.command_line.arguments import Parser
from marl_comm.command_line.exits import ended, report
from marl_comm.command_line.program import program_name
from marl_comm.config.loading import load_saved
from marl_comm.config.run import RunConfig
from marl_comm.errors import DamagedError, InputError, OutputError
from marl_comm.loggers.local import logged_steps
from marl_comm.loggers.settings import WandbLoggerSettings
from marl_comm.loggers.wandb import WandbLogger
from marl_comm.plain_text import shown
from marl_comm.runs.playing import draw_episode
from marl_comm.storage.digests import DIGESTS, read_summary, refuse_changed
from marl_comm.storage.directory import RunDirectory, refuse_no_run
from marl_comm.storage.files import CONFIG, METRICS, SUMMARY

_PATIENCE = 120.0  # seconds: here nothing else waits


def rebuild(directory: Path, mode: str, project: str) -> None:
    """Log all that a run directory holds to W&B.

    A run that has finished becomes a finished W&B run; another one, a crashed one.

    Args:
        directory: A run directory that no process is at work on.
        mode: "online" to upload, "offline" to write a file that `wandb sync` uploads.
        project: W&B project of runs that were configured without W&B.

    Raises:
        DamagedError: A file of the run is damaged.
        InputError: The directory holds no run, or a process is at work on it.
        OutputError: Not all of it was uploaded, or written to the file; earlier files are left.
    """
    refuse_no_run(directory)
    config = load_saved(directory / CONFIG)
    summary = None
    if os.path.lexists(directory / SUMMARY):
        summary = read_summary(directory)
        refuse_changed(directory, summary, CONFIG, METRICS)
        summary.pop(DIGESTS, None)
    with RunDirectory.reopen(directory):
        logger = WandbLogger(
            _settings(config, mode, project),
            directory,
            config.model_dump(),
            config.seeds,
            partial(draw_episode, directory),
            patience=_PATIENCE,
        )
        try:
            for points in logged_steps(directory):
                logger.log(points)
        except (LookupError, TypeError, ValueError) as error:
            raise DamagedError(
                f"cannot read {directory / METRICS}: its points fit no run"
            ) from error
        if summary is not None:
            logger.finish(summary)
        logger.close()
        if logger.trouble is not None:
            raise OutputError(f"{directory}: not uploaded ({logger.trouble})")
        logger.remove_earlier()


def _settings(config: RunConfig, mode: str, project: str) -> WandbLoggerSettings:
    if config.logger.name == "wandb":
        return config.logger.model_copy(update={"mode": mode})
    settings = {"name": "wandb", "project": project, "mode": mode, "tags": []}
    unset = {"entity": None, "group": None, "run_name": None, "final_policy_gif": False}
    try:
        return WandbLoggerSettings.model_validate({**settings, **unset})
    except ValidationError as error:
        raise InputError(
            f"--project {shown(project)}: must be text of 1 to 128 printable characters, none of "
            "them / \\ # ? % :"
        ) from error


def main() -> int:
    """Rebuild the run directories of the command line; return the exit code."""
    parser = Parser(prog=program_name("python -m marl_comm.sync"), description=__doc__)
    parser.add_argument("directories", metavar="RUN_DIR", type=Path, nargs="+")
    parser.add_argument("--mode", choices=["online", "offline"], default="online")
    parser.add_argument("--project", default="marl_comm", help="for runs configured without W&B")
    try:
        arguments = parser.parse_args()
    except InputError as error:
        return report(error)
    code = 0
    for directory in arguments.directories:
        try:
            rebuild(directory, arguments.mode, arguments.project)
        except (InputError, OutputError) as error:
            code = report(error)
        except KeyboardInterrupt as error:
            return report(error)
    return code


if __name__ == "__main__":
    sys.exit(ended(main()))
