"""Identical-interest game with independent uniform payoffs: no structure to exploit."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal, final

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.errors import InputError
from marl_comm.games.one_shot.joint_table import fill_marginals
from marl_comm.games.one_shot.rules import TeamGame
from marl_comm.games.one_shot.settings import OneShotSettings
from marl_comm.randomness import generator

_GIB = 2**30
_LARGEST_PAYOFF = 2 * _GIB  # bytes, all games together
_ENTRIES_AT_ONCE = 2**22  # payoff entries copied at a time


@final
class RandomPotentialSettings(OneShotSettings):
    """Identical interests, payoffs independent and uniform."""

    name: Literal["random_potential"]

    @property
    def rules(self) -> type["RandomPotential"]:
        """`RandomPotential`."""
        return RandomPotential


@final
class RandomPotential(TeamGame):
    """Team reward payoff[a], drawn independently and uniformly for every joint action a.

    The only game that stores a table over joint actions, hence only for few agents.

    Attributes:
        payoff: (games, A, ..., A), one axis of length A per agent, in [0, 1).
    """

    def __init__(self, agents: int, actions: int, seeds: Sequence[int]) -> None:
        """Draw one game per seed.

        Args:
            agents: m, at least 2.
            actions: A, at least 2.
            seeds: One per game; a single one makes a game that every row shares.

        Raises:
            InputError: The payoff tables would take more than 2 GiB; nothing is allocated then.
        """
        super().__init__(agents, actions, seeds)
        for problem in self.problems(agents, actions, self.games):
            raise InputError(problem)
        self.payoff: Array = np.empty((self.games,) + (actions,) * agents)
        for game, seed in enumerate(seeds):
            generator(seed, "game").random(out=self.payoff[game])

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of its arrays."""
        return int(actions**agents)

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """The payoff tables must fit."""
        yield from _too_large_tables(agents, actions, games)

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r | a_i], (R, m, A), in O(A^m) per row. See `PotentialGame`."""
        policy = np.exp(log_policy)
        marginals = np.empty_like(policy)
        for part, tables in self._tables(rows):
            fill_marginals(tables, policy[part], marginals[part])
        return marginals

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return team rewards, (R, N), in O(N m) per row. See `PotentialGame`."""
        _, samples, _ = joint_actions.shape
        rewards = np.empty((len(rows), samples))
        for row, game in enumerate(self.game_of_row(rows)):
            index = np.zeros(samples, dtype=np.int64)
            for agent in range(self.agents):
                index *= self.actions
                index += joint_actions[row, :, agent]
            rewards[row] = self.payoff[game].reshape(-1).take(index)
        return rewards

    def arrays(self) -> dict[str, Array]:
        """Return `payoff` (games, A, ..., A)."""
        return {"payoff": self.payoff}

    def _tables(self, rows: IntArray) -> Iterator[tuple[slice, Array]]:
        """Yield consecutive rows and their flat payoff tables, (rows, A^m), copying little."""
        flat = self.payoff.reshape(self.games, -1)
        game = self.game_of_row(rows)
        step = max(1, _ENTRIES_AT_ONCE // flat.shape[1])
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            if step == 1:
                yield part, flat[game[start]][None]  # a view
            else:
                yield part, flat[game[part]]


def _too_large_tables(agents: int, actions: int, games: int) -> Iterator[str]:
    """Yield a line where the payoff tables would not fit."""
    bytes_needed = 8 * games * actions**agents
    if bytes_needed <= _LARGEST_PAYOFF:
        return
    most_agents = 0
    while 8 * games * actions ** (most_agents + 1) <= _LARGEST_PAYOFF:
        most_agents += 1
    fits = (
        f"at most {most_agents} agents fit"
        if most_agents >= 2
        else "no two agents fit, take fewer actions or fewer games"
    )
    yield (
        f"game.agents={agents} with game.actions={actions}: random_potential would need "
        f"{Decimal(bytes_needed) / _GIB:.3g} GiB for {games} payoff table(s) over joint actions, "
        f"allowed are {_LARGEST_PAYOFF // _GIB} GiB; with these actions {fits}, "
        "and game=coverage or game=congestion need no table"
    )
