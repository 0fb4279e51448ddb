"""Settings of the games, one class per option of the `game` group."""

from typing import Annotated, Literal

from pydantic import Field

from marl_comm.config.base import ConfigModel, Seed


class _MatrixGameConfig(ConfigModel):
    """What all one-shot games share.

    Attributes:
        agents: Number of agents, m.
        actions: Number of actions of each agent, A.
        reward_noise: Standard deviation of Gaussian noise on observed rewards.
        seed: Draws one game for all seeds of the run; None draws one game per seed.
    """

    agents: Annotated[int, Field(ge=2, le=1000)]
    actions: Annotated[int, Field(ge=2, le=1000)]
    reward_noise: Annotated[float, Field(ge=0, le=1000)]
    seed: Seed | None


class RandomPotentialConfig(_MatrixGameConfig):
    """Identical interests, payoffs independent and uniform."""

    name: Literal["random_potential"]


class CongestionConfig(_MatrixGameConfig):
    """Rosenthal congestion game."""

    name: Literal["congestion"]


class CoverageConfig(_MatrixGameConfig):
    """Weapon-target assignment."""

    name: Literal["coverage"]


class UnanimousFailureConfig(_MatrixGameConfig):
    """The team fails only if every agent fails."""

    name: Literal["unanimous_failure"]


class SaddleChainConfig(_MatrixGameConfig):
    """An agent's switch pays only once all agents before it have switched."""

    name: Literal["saddle_chain"]


GameConfig = Annotated[
    RandomPotentialConfig
    | CongestionConfig
    | CoverageConfig
    | UnanimousFailureConfig
    | SaddleChainConfig,
    Field(discriminator="name"),
]
