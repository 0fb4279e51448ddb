"""Settings of the loggers, one class per option of the `logger` group.

Importing a library takes longer than a small run: only those who want it wait for it.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, final

from pydantic import Field

from marl_comm.errors import InputError
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.loggers import Mirror
from marl_comm.loggers.wandb_keys import WandbKeys
from marl_comm.options.answers import LoggerSettings, RunSettings
from marl_comm.options.extras import install_line


@final
class LocalLoggerSettings(LoggerSettings):
    """The files of the run directory, which every run writes, and nothing else."""

    name: Literal["local"]

    def mirror(
        self, run: RunSettings, directory: Path, draw: Callable[[Path], object]
    ) -> Mirror | None:
        """There is none."""
        return None

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()


@final
class TensorBoardLoggerSettings(LoggerSettings):
    """TensorBoard's event files beside the local files."""

    name: Literal["tensorboard"]

    def mirror(
        self, run: RunSettings, directory: Path, draw: Callable[[Path], object]
    ) -> Mirror | None:
        """Begin an event file.

        Raises:
            InputError: The folder is a link.
        """
        from marl_comm.loggers.tensorboard import TensorBoardLogger

        return TensorBoardLogger(directory, run.model_dump(), run.seeds)

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()

    def ready(self, run: RunSettings) -> None:
        """TensorBoard must be installed."""
        if find_spec("tensorboard") is None:
            line = install_line("tensorboard", "tensorboard")
            raise InputError(f"logger=tensorboard: TensorBoard is not installed; {line}")


@final
class WandbLoggerSettings(WandbKeys, LoggerSettings):
    """Weights & Biases beside the local files. See `WandbKeys` for its keys."""

    name: Literal["wandb"]

    def mirror(
        self, run: RunSettings, directory: Path, draw: Callable[[Path], object]
    ) -> Mirror | None:
        """Start a W&B run."""
        from marl_comm.loggers.wandb import WandbLogger

        return WandbLogger(self, directory, run.model_dump(), run.seeds, draw)

    def problems(self, run: RunSettings) -> Iterator[str]:
        """Tables of probabilities are no pictures."""
        if self.draws and run.game.policies != "networks":
            yield (
                f"logger.final_policy_gif=true game={run.game.name}: only environments are drawn; "
                "choose one, such as game=mpe/simple_spread, or logger.final_policy_gif=false"
            )

    def ready(self, run: RunSettings) -> None:
        """An episode's start is drawn, where one is to be in the end.

        Raises:
            InputError: The environment cannot draw it here.
        """
        if not self.draws:
            return
        # Imported late: others need not wait for it.
        from marl_comm.plots.animation import as_pictures

        assert isinstance(run.game, EnvironmentSettings)
        try:
            as_pictures([run.game.picture()])
        except InputError as error:
            raise InputError(f"logger.final_policy_gif=true: {error}") from error


LoggerConfig = Annotated[
    LocalLoggerSettings | TensorBoardLoggerSettings | WandbLoggerSettings,
    Field(discriminator="name"),
]
