"""Settings of the multi-particle environments of mpe2."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.options.answers import RunSettings

if TYPE_CHECKING:
    from marl_comm.games.environments.environments import Environments


class _ParticleSettings(EnvironmentSettings):
    """What they share.

    Attributes:
        max_cycles: Steps of an episode.
        continuous_actions: Whether actions are numbers rather than choices.
    """

    max_cycles: Annotated[int, Field(ge=1, le=100_000)]
    continuous_actions: bool

    @property
    def known_agents(self) -> int:
        """Two, where it is not a setting."""
        return 2

    @property
    @abstractmethod
    def further_arguments(self) -> Mapping[str, Any]:
        """What mpe2's constructor is given beside the steps and the kind of actions."""

    @property
    def longest_evaluation(self) -> int:
        """Whole episodes."""
        return self.max_cycles

    def environments(
        self, randoms: Sequence[np.random.Generator], copies: int, device: str
    ) -> "Environments":
        """Return copies of the environment. See `EnvironmentSettings`."""
        from marl_comm.games.environments.mpe.environments import ParticleEnvironments

        arguments = {
            "max_cycles": self.max_cycles,
            "continuous_actions": self.continuous_actions,
            **self.further_arguments,
        }
        return ParticleEnvironments(self.name.partition("/")[2], arguments, randoms, copies)

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()


@final
class SimpleSpreadSettings(_ParticleSettings):
    """Agents cover landmarks without colliding.

    Attributes:
        agents: And landmarks.
        local_ratio: Share of an agent's own collisions in its reward.
    """

    name: Literal["mpe/simple_spread"]
    agents: Annotated[int, Field(ge=2, le=1000)]
    local_ratio: Annotated[float, Field(ge=0, le=1)]

    @property
    def known_agents(self) -> int:
        """The setting `agents`."""
        return self.agents

    @property
    def further_arguments(self) -> Mapping[str, Any]:
        """Agents, and their share of collisions."""
        return {"N": self.agents, "local_ratio": self.local_ratio}


@final
class SimpleReferenceSettings(_ParticleSettings):
    """Two agents tell each other where to go.

    Attributes:
        local_ratio: Share of the partner's own distance in an agent's reward.
    """

    name: Literal["mpe/simple_reference"]
    local_ratio: Annotated[float, Field(ge=0, le=1)]

    @property
    def further_arguments(self) -> Mapping[str, Any]:
        """The share of the own distance."""
        return {"local_ratio": self.local_ratio}


@final
class SimpleSpeakerListenerSettings(_ParticleSettings):
    """One agent tells another where to go."""

    name: Literal["mpe/simple_speaker_listener"]

    @property
    def further_arguments(self) -> Mapping[str, Any]:
        """There are none."""
        return {}
