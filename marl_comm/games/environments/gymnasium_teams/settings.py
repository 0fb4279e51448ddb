"""Settings of the teams of Gymnasium: level-based foraging and the multi-robot warehouse."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.options.answers import RunSettings
from marl_comm.settings import Arguments, Imported, Text

if TYPE_CHECKING:
    from marl_comm.games.environments.environments import Environments


class _TeamSettings(EnvironmentSettings):
    """What they share.

    Attributes:
        environment: Its name in Gymnasium's registry.
        arguments: Of the environment, over those that it is registered with.
        max_steps: Steps of an episode.
    """

    environment: Annotated[Text, Imported()]
    arguments: Arguments
    max_steps: Annotated[int, Field(ge=1, le=100_000)]

    @property
    @abstractmethod
    def package(self) -> str:
        """What registers the environment."""

    @property
    def longest_evaluation(self) -> int:
        """Whole episodes."""
        return self.max_steps

    def environments(
        self, randoms: Sequence[np.random.Generator], copies: int, device: str
    ) -> "Environments":
        """Return copies of the environment. See `EnvironmentSettings`."""
        from marl_comm.games.environments.gymnasium_teams.installed import refuse_missing
        from marl_comm.games.environments.pettingzoo.environments import ParallelEnvironments

        where = f"game={self.name} game.environment={self.environment}"
        refuse_missing(where, self.package, self.name.partition("/")[0])
        arguments = {
            "package": self.package,
            "environment": self.environment,
            "max_steps": self.max_steps,
            "arguments": self.arguments,
        }
        path = "marl_comm.games.environments.gymnasium_teams.world:Team"
        return ParallelEnvironments(path, arguments, randoms, copies, where=where)

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """Steps of an episode are set in one place."""
        for name in ("max_episode_steps", "max_steps"):
            if name in self.arguments:
                yield f"game.arguments.{name}: set game.max_steps instead"


@final
class ForagingSettings(_TeamSettings):
    """Level-based foraging: agents load food together that none can load alone."""

    name: Literal["lbf/foraging"]

    @property
    def package(self) -> str:
        """The package lbforaging."""
        return "lbforaging"


@final
class WarehouseSettings(_TeamSettings):
    """The multi-robot warehouse: robots bring shelves that are asked for, and take them back."""

    name: Literal["rware/warehouse"]

    @property
    def package(self) -> str:
        """The package rware."""
        return "rware"
