"""Settings of any parallel environment of PettingZoo."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.options.answers import RunSettings
from marl_comm.settings import Arguments, Imported, Text

if TYPE_CHECKING:
    from marl_comm.games.environments.environments import Environments


@final
class PettingZooSettings(EnvironmentSettings):
    """Any parallel environment of PettingZoo.

    Attributes:
        environment: MODULE:FUNCTION, or a module that has `parallel_env`.
        arguments: Of the function.
        evaluation_steps: Most steps of an evaluation's episodes.
    """

    name: Literal["pettingzoo"]
    environment: Annotated[Text, Imported()]
    arguments: Arguments
    evaluation_steps: Annotated[int, Field(ge=1, le=100_000)]

    @property
    def longest_evaluation(self) -> int:
        """The setting `evaluation_steps`."""
        return self.evaluation_steps

    def environments(
        self, randoms: Sequence[np.random.Generator], copies: int, device: str
    ) -> "Environments":
        """Return copies of the environment. See `EnvironmentSettings`."""
        from marl_comm.games.environments.pettingzoo.environments import ParallelEnvironments

        return ParallelEnvironments(self.environment, self.arguments, randoms, copies)

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()
