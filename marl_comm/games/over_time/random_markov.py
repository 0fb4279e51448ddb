"""Cooperative game with random transitions and rewards: no structure to exploit."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal, final

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.errors import InputError
from marl_comm.games.one_shot.joint_table import average_last_agents, fill_marginals
from marl_comm.games.over_time.rules import TeamMarkovGame
from marl_comm.games.over_time.settings import DrawnOverTimeSettings, FiniteHorizonSettings
from marl_comm.options.answers import RunSettings
from marl_comm.randomness import generator

_GIB = 2**30
_LARGEST_TABLES = 2 * _GIB  # bytes, all games together
_ENTRIES_AT_ONCE = 2**22  # table entries copied at a time
_CONCENTRATION = 0.3  # of the Dirichlet distribution of transitions: few likely next states


@final
class RandomMarkovSettings(FiniteHorizonSettings, DrawnOverTimeSettings):
    """Cooperative, transitions and rewards drawn for every state and joint action."""

    name: Literal["random_markov"]

    @property
    def own_rewards(self) -> bool:
        """No: one team reward."""
        return False

    def numbers(self, seeds: int) -> int:
        """Return the sizes of the tables of all games that are drawn."""
        games = 1 if self.shared else seeds
        return games * RandomMarkov.numbers(self.agents, self.actions, self.states)

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """The tables must fit."""
        games = 1 if self.shared else run.num_seeds
        yield from _too_large_tables(self.agents, self.actions, self.states, games)

    def drawn(self, seeds: Sequence[int]) -> "RandomMarkov":
        """Return the rules, one game for each seed."""
        return RandomMarkov(self.agents, self.actions, self.states, self.horizon, seeds)


@final
class RandomMarkov(TeamMarkovGame):
    """Finite horizon, one team reward, everything in tables over joint actions.

    For every state and joint action the next state's probabilities are a draw from the symmetric
    Dirichlet distribution with parameter 0.3, and the reward is u^2 / horizon with u uniform, so
    that returns lie in [0, 1]. Every state is as likely as any other to be the first.

    Attributes:
        transition: (games, S, A^m, S), joint actions in C order of (a_1, ..., a_m).
        reward: (games, S, A^m).
    """

    def __init__(
        self, agents: int, actions: int, states: int, horizon: int, seeds: Sequence[int]
    ) -> None:
        """Draw one game per seed.

        Args:
            agents: m.
            actions: A, at least 2.
            states: S, at least 1.
            horizon: Steps of an episode.
            seeds: One per game; a single one makes a game that every row shares.

        Raises:
            InputError: The tables would take more than 2 GiB; nothing is allocated then.
        """
        for problem in _too_large_tables(agents, actions, states, len(seeds)):
            raise InputError(problem)
        start = np.full((len(seeds), states), 1.0 / states)
        super().__init__(agents, actions, states, horizon, None, start)
        joint_actions = actions**agents
        self.transition: Array = np.empty((len(seeds), states, joint_actions, states))
        self.reward: Array = np.empty((len(seeds), states, joint_actions))
        for game, seed in enumerate(seeds):
            random = generator(seed, "game")
            concentration = np.full(states, _CONCENTRATION)
            self.transition[game] = random.dirichlet(concentration, size=(states, joint_actions))
            self.reward[game] = random.random((states, joint_actions)) ** 2 / horizon

    @classmethod
    def numbers(cls, agents: int, actions: int, states: int) -> int:
        """Return the sizes of its tables."""
        return table_entries(agents, actions, states)

    def induced(self, rows: IntArray, log_policy: Array) -> tuple[Array, Array]:
        """Return each agent's rewards and transitions in O(S^2 A^m) per row. See `MarkovGame`."""
        policy = np.exp(log_policy)
        shape = (len(rows), self.states, self.states + 1, self.agents, self.actions)
        marginals = np.empty(shape)
        for part, tables in self._tables(rows):
            repeated = np.broadcast_to(policy[part, :, None], (len(tables), *shape[1:]))
            flat = np.empty((tables.size // tables.shape[-1], *shape[3:]))
            fill_marginals(tables.reshape(len(flat), -1), repeated.reshape(-1, *shape[3:]), flat)
            marginals[part] = flat.reshape(repeated.shape)
        return marginals[:, :, -1], np.moveaxis(marginals[:, :, :-1], 2, -1)

    def transitions(self, rows: IntArray, log_policy: Array) -> Array:
        """Return the mean transitions, (R, S, S). See `MarkovGame`."""
        policy = np.exp(log_policy)
        means = np.empty((len(rows), self.states, self.states))
        for part, tables in self._tables(rows):
            per_state = policy[part].reshape(-1, self.agents, self.actions)
            nexts = tables[:, :, :-1].reshape(len(per_state), self.states, -1)
            # The last agents' actions are the last axis; next states ride along as an agent would.
            average = average_last_agents(nexts.reshape(len(per_state), -1), per_state)
            means[part] = average.reshape(-1, self.states, self.states)
        return means

    def move(
        self, rows: IntArray, states: IntArray, joint_actions: AnyArray, uniform: Array
    ) -> tuple[Array, IntArray]:
        """Look up rewards and draw next states, O(m + S) per episode. See `MarkovGame`."""
        index = np.zeros(states.shape, dtype=np.int64)
        for agent in range(self.agents):
            index *= self.actions
            index += joint_actions[..., agent]
        game = self.game_of_row(rows)[:, None]
        cumulative = self.transition[game, states, index].cumsum(axis=-1)
        # The last sum may be just below 1: then what is left belongs to the last state.
        next_states = (uniform[..., None] >= cumulative[..., :-1]).sum(axis=-1)
        return self.reward[game, states, index], next_states

    def arrays(self) -> dict[str, Array]:
        """Return `transition`, `reward` and `initial_distribution`."""
        return {
            "transition": self.transition,
            "reward": self.reward,
            "initial_distribution": self.initial_distribution,
        }

    def _tables(self, rows: IntArray) -> Iterator[tuple[slice, Array]]:
        """Yield consecutive rows and their tables (rows, S, S + 1, A^m), rewards last."""
        game = self.game_of_row(rows)
        entries = self.transition[0].size + self.reward[0].size
        step = max(1, _ENTRIES_AT_ONCE // entries)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            nexts = np.moveaxis(self.transition[game[part]], -1, 2)
            yield part, np.concatenate([nexts, self.reward[game[part]][:, :, None]], axis=2)


def table_entries(agents: int, actions: int, states: int) -> int:
    """Return the numbers that define one game."""
    return int(states * actions**agents * (states + 1))


def _too_large_tables(agents: int, actions: int, states: int, games: int) -> Iterator[str]:
    """Yield a line where the tables over joint actions would not fit."""
    needed = 8 * games * table_entries(agents, actions, states)
    if needed <= _LARGEST_TABLES:
        return
    most_agents = 0
    while 8 * games * table_entries(most_agents + 1, actions, states) <= _LARGEST_TABLES:
        most_agents += 1
    fits = (
        f"at most {most_agents} agents fit"
        if most_agents >= 2
        else "no two agents fit, take fewer actions, states or games"
    )
    yield (
        f"game.agents={agents} game.actions={actions} game.states={states}: random_markov would "
        f"need {Decimal(needed) / _GIB:.3g} GiB for the tables over joint actions of {games} "
        f"game(s), allowed are {_LARGEST_TABLES // _GIB} GiB; with these sizes {fits}, and "
        "game=climbing_chain or game=markov_congestion need no table"
    )
