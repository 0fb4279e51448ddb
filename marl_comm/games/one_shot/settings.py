"""What all one-shot games share."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from marl_comm.games.game import TabularGame
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.one_shot.rules import OwnRewardsGame, PotentialGame
from marl_comm.games.settings import TabularGameSettings
from marl_comm.options.answers import RunSettings
from marl_comm.randomness import Streams
from marl_comm.settings import Seed


class OneShotSettings(TabularGameSettings):
    """A one-shot game, played once per sample."""

    @abstractmethod
    def drawn(self, seeds: Sequence[int]) -> PotentialGame:
        """Return the rules, with one game drawn from each of the seeds if any is drawn.

        Raises:
            InputError: They cannot be had.
        """

    @property
    def episode_length(self) -> int:
        """A single joint action."""
        return 1

    @property
    def number_of_states(self) -> int:
        """A single one."""
        return 1

    @property
    def layers(self) -> int:
        """A single policy."""
        return 1

    def build(self, run: RunSettings, streams: Streams) -> TabularGame:
        """Return the game of each seed. See `TabularGameSettings`."""
        return NormalFormGame(
            self.drawn(self.seeds_of_games(streams.seeds)),
            streams,
            self.reward_noise,
            run.samples_per_round,
        )


class DrawnOneShotSettings(OneShotSettings):
    """A game that is drawn at random.

    Fields of an option beyond these are passed by name to its rules.

    Attributes:
        seed: Draws one game for all seeds of the run; None draws one game per seed.
    """

    seed: Seed | None

    @property
    @abstractmethod
    def rules(self) -> type[PotentialGame]:
        """The class of the rules."""

    @property
    def own_rewards(self) -> bool:
        """As the rules say."""
        return issubclass(self.rules, OwnRewardsGame)

    @property
    def game_seed(self) -> int | None:
        """The setting `seed`."""
        return self.seed

    @property
    def shared(self) -> bool:
        """Whether `seed` is set."""
        return self.seed is not None

    def numbers(self, seeds: int) -> int:
        """As the rules say, for each game that is drawn."""
        games = 1 if self.shared else seeds
        return games * self.rules.numbers(self.agents, self.actions)

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """As the rules say."""
        games = 1 if self.shared else run.num_seeds
        yield from self.rules.problems(self.agents, self.actions, games)

    def drawn(self, seeds: Sequence[int]) -> PotentialGame:
        """Return the rules with one game drawn from each of the seeds."""
        return self.rules(self.agents, self.actions, seeds, **self._arguments())

    def _arguments(self) -> dict[str, Any]:
        further = type(self).model_fields.keys() - DrawnOneShotSettings.model_fields.keys()
        return {name: getattr(self, name) for name in sorted(further)}
