"""Settings of the scenarios of VMAS."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.games.environments.settings import EnvironmentSettings, Pace
from marl_comm.options.answers import RunSettings
from marl_comm.settings import Arguments, Imported, Text

if TYPE_CHECKING:
    from marl_comm.games.environments.environments import Environments


class _VmasSettings(EnvironmentSettings):
    """What they share.

    Attributes:
        scenario: The name of one of VMAS's scenarios.
        arguments: Of the scenario.
        max_steps: Steps of an episode.
        continuous_actions: Whether actions are numbers rather than choices.
    """

    scenario: Annotated[Text, Imported(harmless=r"\w+")]  # a path would be any file's code
    arguments: Arguments
    max_steps: Annotated[int, Field(ge=1, le=100_000)]
    continuous_actions: bool

    @property
    def pace(self) -> Pace:
        """As measured with simple_spread: torch moves all copies at once."""
        return Pace(start=0.0, step=1e-3, copy=1e-5)

    @property
    def longest_evaluation(self) -> int:
        """Whole episodes."""
        return self.max_steps

    def environments(
        self, randoms: Sequence[np.random.Generator], copies: int, device: str
    ) -> "Environments":
        """Return copies of the scenario. See `EnvironmentSettings`."""
        from marl_comm.games.environments.vmas.environments import VectorisedEnvironments

        return VectorisedEnvironments(
            self.scenario,
            self.arguments,
            randoms,
            copies,
            max_steps=self.max_steps,
            continuous_actions=self.continuous_actions,
            device=device,
        )

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()


@final
class VmasSettings(_VmasSettings):
    """Any scenario of VMAS."""

    name: Literal["vmas"]


@final
class VmasSimpleSpreadSettings(_VmasSettings):
    """VMAS's version of simple_spread, whose reward differs from that of mpe2."""

    name: Literal["vmas/simple_spread"]
    scenario: Literal["simple_spread"]
