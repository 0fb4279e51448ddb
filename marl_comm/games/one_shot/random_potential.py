"""Identical-interest game with independent uniform payoffs: no structure to exploit."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal, final

import numpy as np

from marl_comm.errors import InputError
from marl_comm.games.one_shot.joint_table import LARGEST_TABLES
from marl_comm.games.one_shot.settings import DrawnOneShotSettings
from marl_comm.games.one_shot.team_table import TeamTable
from marl_comm.randomness import generator

_GIB = 2**30


@final
class RandomPotentialSettings(DrawnOneShotSettings):
    """Identical interests, payoffs independent and uniform."""

    name: Literal["random_potential"]

    @property
    def rules(self) -> type["RandomPotential"]:
        """`RandomPotential`."""
        return RandomPotential


@final
class RandomPotential(TeamTable):
    """Team reward payoff[a], drawn independently and uniformly for every joint action a.

    It stores a table over joint actions, hence only for few agents.

    Attributes:
        payoff: (games, A, ..., A), one axis of length A per agent, in [0, 1).
    """

    def __init__(self, agents: int, actions: int, seeds: Sequence[int]) -> None:
        """Draw one game per seed.

        Args:
            agents: m.
            actions: A, at least 2.
            seeds: One per game; a single one makes a game that every row shares.

        Raises:
            InputError: The payoff tables would take more than 2 GiB; nothing is allocated then.
        """
        super().__init__(agents, actions, seeds)
        for problem in self.problems(agents, actions, self.games):
            raise InputError(problem)
        self.payoff = np.empty((self.games,) + (actions,) * agents)
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


def _too_large_tables(agents: int, actions: int, games: int) -> Iterator[str]:
    """Yield a line where the payoff tables would not fit."""
    bytes_needed = 8 * games * actions**agents
    if bytes_needed <= LARGEST_TABLES:
        return
    most_agents = 0
    while 8 * games * actions ** (most_agents + 1) <= LARGEST_TABLES:
        most_agents += 1
    fits = (
        f"at most {most_agents} agents fit"
        if most_agents >= 2
        else "no two agents fit, take fewer actions or fewer games"
    )
    yield (
        f"game.agents={agents} with game.actions={actions}: random_potential would need "
        f"{Decimal(bytes_needed) / _GIB:.3g} GiB for {games} payoff table(s) over joint actions, "
        f"allowed are {LARGEST_TABLES // _GIB} GiB; with these actions {fits}, "
        "and game=coverage or game=congestion need no table"
    )
