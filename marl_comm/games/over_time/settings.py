"""What the Markov games share."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from marl_comm.games.game import TabularGame
from marl_comm.games.over_time.player import MarkovFormGame
from marl_comm.games.over_time.rules import MarkovGame
from marl_comm.games.settings import TabularGameSettings
from marl_comm.options.answers import RunSettings
from marl_comm.randomness import Streams
from marl_comm.settings import Seed

States = Annotated[int, Field(ge=1, le=1000)]
Steps = Annotated[int, Field(ge=1, le=1000)]
Penalty = Annotated[float, Field(ge=0, le=1000)]


class OverTimeSettings(TabularGameSettings):
    """A Markov game, played in whole episodes."""

    @abstractmethod
    def drawn(self, seeds: Sequence[int]) -> MarkovGame:
        """Return the rules, with one game drawn from each of the seeds if any is drawn."""

    def build(self, run: RunSettings, streams: Streams) -> TabularGame:
        """Return the game of each seed. See `TabularGameSettings`."""
        return MarkovFormGame(
            self.drawn(self.seeds_of_games(streams.seeds)),
            streams,
            self.reward_noise,
            run.samples_per_round,
            by_stages=run.learner.by_stages,
        )


class FiniteHorizonSettings(OverTimeSettings):
    """A game that ends after a known number of steps.

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


class DrawnOverTimeSettings(OverTimeSettings):
    """A game that is drawn at random.

    Attributes:
        seed: Draws one game for all seeds of the run; None draws one game per seed.
    """

    seed: Seed | None

    @property
    def game_seed(self) -> int | None:
        """The setting `seed`."""
        return self.seed

    @property
    def shared(self) -> bool:
        """Whether `seed` is set."""
        return self.seed is not None
