"""A Markov game of the user's own: `game=over_time game.class=mypkg.games:Patrol`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.errors import InputError
from marl_comm.games.over_time.agreement import disagreement
from marl_comm.games.over_time.rules import MarkovGame
from marl_comm.games.over_time.settings import DrawnOverTimeSettings, States, Steps
from marl_comm.options.answers import RunSettings
from marl_comm.options.own import OwnOption, imported, made
from marl_comm.options.watched import Checks, calling, kind, watched

_KEY = "game.class"
_TRIED = 3  # games
_LOGGED = "seed round local_step samples bytes_up bytes_down value nash_gap ess divergence bases"


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

    def ready(self, run: RunSettings) -> None:
        """Import the class, see whether its games fit into memory, and make a few of them.

        Raises:
            InputError: It cannot be had, they do not, or it describes two games in its methods.
        """
        rules = imported(self.class_, _KEY, MarkovGame)
        games = 1 if self.shared else run.num_seeds
        with calling(rules, f"{_KEY}={self.class_}", "numbers"):
            numbers = games * rules.numbers(self.agents, self.actions, self.states)
        for problem in self.problems_of_memory(run, numbers):
            raise InputError(problem)
        found = disagreement(self.drawn(self.seeds_of_games(run.seeds)[:_TRIED]))
        if found is not None:
            raise InputError(f"{_KEY}={self.class_}: {found}")

    def drawn(self, seeds: Sequence[int]) -> MarkovGame:
        """Return the user's rules with one game drawn from each of the seeds.

        Raises:
            InputError: The class cannot be had, or refuses the sizes or the arguments.
        """
        rules = imported(self.class_, _KEY, MarkovGame)
        checking = watched(rules, _CheckedGame, f"{_KEY}={self.class_}")
        wanted = (self.agents, self.actions, self.states, self.steps, self.discount)
        game = made(checking, self.class_, _KEY, *wanted, seeds, **self.arguments)
        with calling(rules, f"{_KEY}={self.class_}", "__init__"):
            sizes = (game.agents, game.actions, game.states, game.steps, game.discount)
        if sizes != wanted:
            raise InputError(
                f"{_KEY}={self.class_}: it has {sizes} agents, actions, states, steps and "
                f"discount, not {wanted}; pass them on to super().__init__"
            )
        assert isinstance(game, _CheckedGame)
        start = game.initial_distribution
        games = 1 if np.shape(start)[:1] == (1,) else len(seeds)
        game.checked_probabilities(
            "__init__", start, (games, self.states), "an initial_distribution"
        )
        return game


class _CheckedGame(Checks, MarkovGame):
    """Checks what the user's class returns."""

    def induced(self, rows: IntArray, log_policy: Array) -> tuple[Array, Array]:
        """Return rewards (R, S, m, A) and next states (R, S, m, A, S), checked."""
        with self.calling("induced"):
            found = super().induced(rows, log_policy)  # type: ignore[safe-super]
        rewards, transitions = self._two("induced", found)
        self.checked_rewards("induced", rewards, log_policy.shape)
        shape = (*log_policy.shape, self.states)
        self.checked_probabilities("induced", transitions, shape, "probabilities of next states")
        return rewards, transitions

    def transitions(self, rows: IntArray, log_policy: Array) -> Array:
        """Return probabilities of the next state (R, S, S), checked."""
        with self.calling("transitions"):
            found = super().transitions(rows, log_policy)
        shape = (len(rows), self.states, self.states)
        self.checked_probabilities("transitions", found, shape, "probabilities of next states")
        return found

    def move(
        self, rows: IntArray, states: IntArray, joint_actions: AnyArray, uniform: Array
    ) -> tuple[Array, IntArray]:
        """Return rewards (R, E) or (R, E, m), and next states (R, E), checked."""
        with self.calling("move"):
            found = super().move(rows, states, joint_actions, uniform)  # type: ignore[safe-super]
        rewards, following = self._two("move", found)
        shape = states.shape if self.common_reward else joint_actions.shape
        self.checked_rewards("move", rewards, shape)
        integers = isinstance(following, np.ndarray) and following.dtype.kind in "iu"
        if not integers or following.shape != states.shape:
            raise self.wrong(
                "move",
                f"must give an array of integers of shape {states.shape} for next states, not "
                f"{kind(following)}",
            )
        if following.size and not 0 <= following.min() <= following.max() < self.states:
            raise self.wrong("move", f"must give next states from 0 to {self.states - 1}")
        return rewards, following

    def own_figures(self, rows: IntArray, log_policy: Array) -> Mapping[str, Array]:
        """Return figures for the log, each (R,), checked."""
        with self.calling("own_figures"):
            found = super().own_figures(rows, log_policy)
        for name, figure in found.items():
            if name in _LOGGED.split() or name.startswith("agent_gap_"):
                raise self.wrong("own_figures", f"gives {name}, which the log has already")
            self.checked_array("own_figures", figure, rows.shape, name)
        return found

    def arrays(self) -> dict[str, Array]:
        """Return what defines the games, checked."""
        with self.calling("arrays"):
            found = super().arrays()  # type: ignore[safe-super]
        self.checked_arrays(found, self.games)
        return found

    def _two(self, method: str, found: tuple[Array, AnyArray]) -> tuple[Array, AnyArray]:
        if not isinstance(found, tuple) or len(found) != 2:
            raise self.wrong(method, f"must give two arrays, not {kind(found)}")
        return found
