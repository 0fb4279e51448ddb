"""A one-shot game of the user's own: `game=one_shot game.class=mypkg.games:StagHunt`."""

from collections.abc import Iterator, Sequence
from typing import Literal, final

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.errors import InputError
from marl_comm.games.one_shot.agreement import disagreement
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.games.one_shot.settings import DrawnOneShotSettings
from marl_comm.options.answers import RunSettings
from marl_comm.options.own import OwnOption, imported, made
from marl_comm.options.watched import Checks, calling, watched

_KEY = "game.class"
_TRIED = 3  # games


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

    def ready(self, run: RunSettings) -> None:
        """Import the class, see whether its games fit into memory, and make a few of them.

        Raises:
            InputError: It cannot be had, they do not, or it describes two games in its methods.
        """
        games = 1 if self.shared else run.num_seeds
        rules = self.rules
        self.refuse_sizes(rules, games)
        with calling(rules, self._named, "numbers"):
            numbers = games * rules.numbers(self.agents, self.actions)
        for problem in self.problems_of_memory(run, numbers):
            raise InputError(problem)
        found = disagreement(self.drawn(self.seeds_of_games(run.seeds)[:_TRIED]))
        if found is not None:
            raise InputError(f"{self._named}: {found}")

    @property
    def _named(self) -> str:
        return f"{_KEY}={self.class_}"

    def refuse_sizes(self, rules: type[PotentialGame], games: int) -> None:
        """Raise InputError where games of these sizes cannot be played."""
        with calling(rules, self._named, "problems"):
            for problem in rules.problems(self.agents, self.actions, games):
                raise InputError(f"{self._named}: {problem}")

    def drawn(self, seeds: Sequence[int]) -> PotentialGame:
        """Return the user's rules with one game drawn from each of the seeds.

        Raises:
            InputError: The class cannot be had, or refuses the sizes or the arguments.
        """
        rules = self.rules
        self.refuse_sizes(rules, len(seeds))
        checking = watched(rules, _CheckedGame, self._named)
        game = made(checking, self.class_, _KEY, self.agents, self.actions, seeds, **self.arguments)
        with calling(rules, self._named, "__init__"):
            sizes = (game.agents, game.actions, game.games)
        if sizes != (self.agents, self.actions, len(seeds)):
            raise InputError(
                f"{self._named}: it has {sizes} agents, actions and games, not "
                f"{(self.agents, self.actions, len(seeds))}; pass agents, actions and seeds on to "
                "super().__init__"
            )
        return game


class _CheckedGame(Checks, PotentialGame):
    """Checks what the user's class returns."""

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return (R, m, A), checked."""
        with self.calling("marginal_rewards"):
            found = super().marginal_rewards(rows, log_policy)  # type: ignore[safe-super]
        self.checked_rewards("marginal_rewards", found, log_policy.shape)
        return found

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return (R, N), or (R, N, m) where agents have their own rewards, checked."""
        with self.calling("rewards"):
            found = super().rewards(rows, joint_actions)  # type: ignore[safe-super]
        shape = joint_actions.shape[:2] if self.common_reward else joint_actions.shape
        self.checked_rewards("rewards", found, shape, joint_actions)
        return found

    def arrays(self) -> dict[str, Array]:
        """Return what defines the games, checked."""
        with self.calling("arrays"):
            found = super().arrays()  # type: ignore[safe-super]
        self.checked_arrays(found, self.games)
        return found
