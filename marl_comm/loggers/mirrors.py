"""What logs a run beside the files of its directory."""

from collections.abc import Callable
from pathlib import Path

from marl_comm.config.run import RunConfig
from marl_comm.loggers import Mirror
from marl_comm.loggers.settings import TensorBoardLoggerSettings, WandbLoggerSettings


def mirror_of(run: RunConfig, directory: Path, draw: Callable[[Path], object]) -> Mirror | None:
    """Start what the run's logger asks for; None where that is nothing.

    Importing a library takes longer than a small run: only those who want it wait for it.

    Args:
        run: The run.
        directory: Its directory.
        draw: Draws an episode of the finished run's policies into a file.

    Raises:
        InputError: A folder in the directory is a link.
    """
    if isinstance(run.logger, WandbLoggerSettings):
        from marl_comm.loggers.wandb import WandbLogger

        return WandbLogger(run.logger, directory, run.model_dump(), run.seeds, draw)
    if isinstance(run.logger, TensorBoardLoggerSettings):
        from marl_comm.loggers.tensorboard import TensorBoardLogger

        return TensorBoardLogger(directory, run.model_dump(), run.seeds)
    return None
