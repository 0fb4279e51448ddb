"""Settings of the loggers, one class per option of the `logger` group."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated, Literal, final

from pydantic import Field

from marl_comm.errors import InputError
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.options.answers import LoggerSettings, RunSettings
from marl_comm.options.extras import install_line
from marl_comm.settings import AccountText, Text

Tag = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^\P{C}+$",
        description="text of 1 to 64 printable characters",
    ),
]


@final
class LocalLoggerSettings(LoggerSettings):
    """The files of the run directory, which every run writes, and nothing else."""

    name: Literal["local"]

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()


@final
class TensorBoardLoggerSettings(LoggerSettings):
    """TensorBoard's event files beside the local files."""

    name: Literal["tensorboard"]

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()

    def ready(self, run: RunSettings) -> None:
        """TensorBoard must be installed."""
        if find_spec("tensorboard") is None:
            line = install_line("tensorboard", "tensorboard")
            raise InputError(f"logger=tensorboard: TensorBoard is not installed; {line}")


@final
class WandbLoggerSettings(LoggerSettings):
    """Weights & Biases beside the local files.

    Attributes:
        project: W&B project.
        entity: W&B user or team; None takes the account's default.
        mode: Whether data stay on this machine, go to the server, or are not logged to W&B.
        group: W&B group; None groups the runs of a sweep.
        run_name: W&B display name; None takes the run directory's.
        tags: W&B tags.
        final_policy_gif: Whether an episode of the final policies is logged as a GIF.
    """

    name: Literal["wandb"]
    project: AccountText
    entity: AccountText | None
    mode: Literal["offline", "online", "disabled"]
    group: Text | None
    run_name: Text | None
    # YAML has no tuples: the list is converted, its entries are not.
    tags: Annotated[tuple[Tag, ...], Field(strict=False, max_length=32)]
    final_policy_gif: bool

    @property
    def draws(self) -> bool:
        """Whether a GIF is made."""
        return self.final_policy_gif and self.mode != "disabled"

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
