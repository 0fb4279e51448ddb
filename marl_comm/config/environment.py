"""Settings of the environments that networks are trained in; options of the `game` group, too."""

from typing import Annotated, Literal

from pydantic import Field

from marl_comm.settings import ConfigModel, Count, Text


class EnvironmentConfig(ConfigModel):
    """What all environments share, whoever made them.

    Attributes:
        name: Which environment it is.
        copies: Copies of the environment per seed, played side by side.
        steps: Joint steps of a chunk, the data of a local iteration, in each copy.
        reward: Whether the team's reward is the mean or the sum of its agents'.
        evaluation_every: Local updates between evaluations.
        evaluation_copies: Episodes of an evaluation, greedy and sampled each.
    """

    name: str
    copies: Annotated[int, Field(ge=1, le=100_000)]
    steps: Annotated[int, Field(ge=1, le=100_000)]
    reward: Literal["mean", "sum"]
    evaluation_every: Count
    evaluation_copies: Annotated[int, Field(ge=1, le=100_000)]


class _ParticleConfig(EnvironmentConfig):
    """What the multi-particle environments of mpe2 share.

    Attributes:
        max_cycles: Steps of an episode.
        continuous_actions: Whether actions are numbers rather than choices.
    """

    max_cycles: Annotated[int, Field(ge=1, le=100_000)]
    continuous_actions: bool

    @property
    def evaluation_steps(self) -> int:
        """Whole episodes."""
        return self.max_cycles


class SimpleSpreadConfig(_ParticleConfig):
    """Agents cover landmarks without colliding.

    Attributes:
        agents: And landmarks.
        local_ratio: Share of an agent's own collisions in its reward.
    """

    name: Literal["mpe/simple_spread"]
    agents: Annotated[int, Field(ge=2, le=1000)]
    local_ratio: Annotated[float, Field(ge=0, le=1)]


class SimpleReferenceConfig(_ParticleConfig):
    """Two agents tell each other where to go.

    Attributes:
        local_ratio: Share of the partner's own distance in an agent's reward.
    """

    name: Literal["mpe/simple_reference"]
    local_ratio: Annotated[float, Field(ge=0, le=1)]


class SimpleSpeakerListenerConfig(_ParticleConfig):
    """One agent tells another where to go."""

    name: Literal["mpe/simple_speaker_listener"]


Arguments = Annotated[
    dict[str, bool | int | float | str | None],
    Field(description="a mapping of names to plain values"),
]


class PettingZooConfig(EnvironmentConfig):
    """Any parallel environment of PettingZoo.

    Attributes:
        environment: MODULE:FUNCTION, or a module that has `parallel_env`.
        arguments: Of the function.
        evaluation_steps: Most steps of an evaluation's episodes.
    """

    name: Literal["pettingzoo"]
    environment: Text
    arguments: Arguments
    evaluation_steps: Annotated[int, Field(ge=1, le=100_000)]


class _VmasConfig(EnvironmentConfig):
    """What the scenarios of VMAS share.

    Attributes:
        scenario: The name of one of VMAS's scenarios.
        arguments: Of the scenario.
        max_steps: Steps of an episode.
        continuous_actions: Whether actions are numbers rather than choices.
    """

    scenario: Text
    arguments: Arguments
    max_steps: Annotated[int, Field(ge=1, le=100_000)]
    continuous_actions: bool

    @property
    def evaluation_steps(self) -> int:
        """Whole episodes."""
        return self.max_steps


class VmasConfig(_VmasConfig):
    """Any scenario of VMAS."""

    name: Literal["vmas"]


class VmasSimpleSpreadConfig(_VmasConfig):
    """VMAS's version of simple_spread, whose reward differs from that of mpe2."""

    name: Literal["vmas/simple_spread"]
    scenario: Literal["simple_spread"]


AnyEnvironmentConfig = (
    SimpleSpreadConfig
    | SimpleReferenceConfig
    | SimpleSpeakerListenerConfig
    | PettingZooConfig
    | VmasConfig
    | VmasSimpleSpreadConfig
)
