"""Settings of the games, one class per option of the `game` group."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from marl_comm.config.environment import AnyEnvironmentConfig
from marl_comm.settings import ConfigModel, Seed

States = Annotated[int, Field(ge=1, le=1000)]
Steps = Annotated[int, Field(ge=1, le=1000)]
Penalty = Annotated[float, Field(ge=0, le=1000)]


class TableGameConfig(ConfigModel):
    """What all games share whose policies are tables.

    Attributes:
        name: Which game it is.
        agents: Number of agents, m.
        actions: Number of actions of each agent, A.
        reward_noise: Standard deviation of Gaussian noise on observed rewards.
        own_rewards: Whether each agent has its own reward.
    """

    own_rewards: ClassVar[bool] = False

    name: str
    agents: Annotated[int, Field(ge=2, le=1000)]
    actions: Annotated[int, Field(ge=2, le=1000)]
    reward_noise: Annotated[float, Field(ge=0, le=1000)]

    @property
    def shared(self) -> bool:
        """Whether all seeds of a run play the same game: nothing is drawn, or once for all."""
        return True

    @property
    def episode_length(self) -> int:
        """Joint actions of one episode: what is sampled is whole episodes."""
        return 1

    @property
    def number_of_states(self) -> int:
        """Number of states, S; one-shot games have a single one."""
        return 1

    @property
    def layers(self) -> int:
        """Number of policies that an agent has for each state, L."""
        return 1


class _DrawnGameConfig(TableGameConfig):
    """What all games share that are drawn at random.

    Attributes:
        seed: Draws one game for all seeds of the run; None draws one game per seed.
    """

    seed: Seed | None

    @property
    def shared(self) -> bool:
        """Whether `seed` is set."""
        return self.seed is not None


class RandomPotentialConfig(_DrawnGameConfig):
    """Identical interests, payoffs independent and uniform."""

    name: Literal["random_potential"]


class CongestionConfig(_DrawnGameConfig):
    """Rosenthal congestion game."""

    own_rewards: ClassVar[bool] = True

    name: Literal["congestion"]


class CoverageConfig(_DrawnGameConfig):
    """Weapon-target assignment."""

    name: Literal["coverage"]


class UnanimousFailureConfig(_DrawnGameConfig):
    """The team fails only if every agent fails."""

    name: Literal["unanimous_failure"]


class SaddleChainConfig(_DrawnGameConfig):
    """An agent's switch pays only once all agents before it have switched."""

    name: Literal["saddle_chain"]


class _FiniteHorizonConfig(TableGameConfig):
    """What the games over time share that end after a known number of steps.

    Attributes:
        states: Number of states, S.
        horizon: Steps of an episode, H.
    """

    states: States
    horizon: Steps

    @property
    def episode_length(self) -> int:
        """The horizon."""
        return self.horizon

    @property
    def number_of_states(self) -> int:
        """S."""
        return self.states

    @property
    def layers(self) -> int:
        """One policy per step."""
        return self.horizon


class RandomMarkovConfig(_FiniteHorizonConfig, _DrawnGameConfig):
    """Cooperative, transitions and rewards drawn for every state and joint action."""

    name: Literal["random_markov"]


class ClimbingChainConfig(_FiniteHorizonConfig):
    """A ladder that a team climbs as fast as its weakest member works.

    Attributes:
        penalty: Cost of wasted effort relative to the gain from common effort.
    """

    name: Literal["climbing_chain"]
    penalty: Penalty


class MarkovCongestionConfig(TableGameConfig):
    """Congestion in two states, discounted.

    Attributes:
        weights: Pay per agent at each facility, for each agent that is there.
        penalty: What the distancing state costs each agent per step, in units of pay.
        discount: Factor on rewards per step.
        episode_steps: Steps of an episode that is played to collect data.
    """

    own_rewards: ClassVar[bool] = True

    name: Literal["markov_congestion"]
    weights: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1000)], ...],
        Field(strict=False, min_length=2, max_length=1000),
    ]
    penalty: Penalty
    discount: Annotated[float, Field(gt=0, lt=1)]
    episode_steps: Steps

    @property
    def episode_length(self) -> int:
        """The steps of an episode."""
        return self.episode_steps

    @property
    def number_of_states(self) -> int:
        """Safe and distancing."""
        return 2


GameConfig = Annotated[
    RandomPotentialConfig
    | CongestionConfig
    | CoverageConfig
    | UnanimousFailureConfig
    | SaddleChainConfig
    | RandomMarkovConfig
    | MarkovCongestionConfig
    | ClimbingChainConfig
    | AnyEnvironmentConfig,
    Field(discriminator="name"),
]
