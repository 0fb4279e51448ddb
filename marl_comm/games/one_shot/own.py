"""A one-shot game of the user's own: `game=one_shot game.class=mypkg.games:StagHunt`."""

from collections.abc import Iterator, Sequence
from typing import Literal, final

from marl_comm.errors import InputError
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.games.one_shot.settings import DrawnOneShotSettings
from marl_comm.options.answers import RunSettings
from marl_comm.options.own import OwnOption, imported, made

_KEY = "game.class"


@final
class OwnOneShotSettings(DrawnOneShotSettings, OwnOption):
    """A class of the user's own, a subclass of `games.one_shot.rules.PotentialGame`.

    It is made with the numbers of agents and actions, one seed per game, and the arguments.
    """

    name: Literal["one_shot"]

    @property
    def rules(self) -> type[PotentialGame]:
        """The user's class, which is imported for it."""
        return imported(self.class_, _KEY, PotentialGame)

    @property
    def own_rewards(self) -> bool:
        """Not known until the class is imported; the larger estimate is taken."""
        return True

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
        assert self.rules

    def drawn(self, seeds: Sequence[int]) -> PotentialGame:
        """Return the user's rules with one game drawn from each of the seeds.

        Raises:
            InputError: The class cannot be had, or refuses the sizes or the arguments.
        """
        rules = self.rules
        for problem in rules.problems(self.agents, self.actions, len(seeds)):
            raise InputError(f"{_KEY}={self.class_}: {problem}")
        sizes = (self.agents, self.actions, seeds)
        return made(rules, self.class_, _KEY, *sizes, **self.arguments)
