"""A game over time of the user's own: `game=over_time game.class=mypkg.games:Patrol`."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, final

from pydantic import Field

from marl_comm.games.over_time.rules import MarkovGame
from marl_comm.games.over_time.settings import DrawnOverTimeSettings, States, Steps
from marl_comm.options.answers import RunSettings
from marl_comm.options.own import OwnOption, imported, made

_KEY = "game.class"


@final
class OwnOverTimeSettings(DrawnOverTimeSettings, OwnOption):
    """A class of the user's own, a subclass of `games.over_time.rules.MarkovGame`.

    It is made with the numbers of agents, actions and states, the steps of an episode, the
    discount, one seed per game, and the arguments.

    Attributes:
        states: Number of states, S.
        steps: Steps of an episode.
        discount: Factor on rewards per step; None where the game ends after its steps.
    """

    name: Literal["over_time"]
    states: States
    steps: Steps
    discount: Annotated[float, Field(gt=0, lt=1)] | None

    @property
    def own_rewards(self) -> bool:
        """Not known until the class is imported; the larger estimate is taken."""
        return True

    @property
    def episode_length(self) -> int:
        """The steps of an episode."""
        return self.steps

    @property
    def number_of_states(self) -> int:
        """S."""
        return self.states

    @property
    def layers(self) -> int:
        """One policy per step, or a single one where rewards are discounted."""
        return self.steps if self.discount is None else 1

    def numbers(self, seeds: int) -> int:
        """Not known until the class is imported."""
        return 0

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """Not known until the class is imported."""
        yield from ()

    def ready(self) -> None:
        """Import the class.

        Raises:
            InputError: It cannot be had.
        """
        imported(self.class_, _KEY, MarkovGame)

    def drawn(self, seeds: Sequence[int]) -> MarkovGame:
        """Return the user's rules with one game drawn from each of the seeds.

        Raises:
            InputError: The class cannot be had, or refuses the sizes or the arguments.
        """
        kind = imported(self.class_, _KEY, MarkovGame)
        sizes = (self.agents, self.actions, self.states, self.steps, self.discount, seeds)
        return made(kind, self.class_, _KEY, *sizes, **self.arguments)
