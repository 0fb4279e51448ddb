"""The rules of games from a file."""

from collections.abc import Iterator

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.one_shot.joint_table import (
    average_first_agents,
    average_last_agents,
    expected,
    flat_index,
    tables_of_rows,
)
from marl_comm.games.one_shot.payoff.potential import exact_potential
from marl_comm.games.one_shot.payoff.table import PayoffTable
from marl_comm.games.one_shot.rules import OwnRewardsGame
from marl_comm.games.one_shot.team_table import TeamTable


class TeamPayoffs(TeamTable):
    """A game in which a file says what the team receives for every joint action.

    Attributes:
        payoff: (1, A, ..., A), one axis of length A per agent, in [0, 1].
    """

    def __init__(self, table: PayoffTable) -> None:
        """Take over the payoffs, which all seeds share."""
        super().__init__(table.sizes.agents, table.sizes.actions, [0])
        self.payoff = table.payoffs[None]
        self._scale = table.scale

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of its table."""
        return int(actions**agents)

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """There are none: the file was checked when it was read."""
        yield from ()

    def arrays(self) -> dict[str, Array]:
        """Return `payoff` (1, A, ..., A), and how it was scaled."""
        return super().arrays() | self._scale.arrays()


class OwnPayoffs(OwnRewardsGame):
    """A game in which a file says what each agent receives for every joint action.

    It need not have a potential, as all other games here do. Nash gaps are exact all the same.

    Attributes:
        payoffs: (m, A, ..., A), whose payoff it is and then one axis per agent, in [0, 1].
        exact_potential: P, (A, ..., A), 0 where all play their first action; None where there is
            none.
        misfit: What gains add up to round a cycle of deviations; 0, up to rounding, where there
            is a potential.
    """

    def __init__(self, table: PayoffTable) -> None:
        """Take over the payoffs, which all seeds share."""
        super().__init__(table.sizes.agents, table.sizes.actions, [0])
        self.payoffs = table.payoffs
        self.exact_potential, self.misfit = exact_potential(table.payoffs)
        self._scale = table.scale

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of its tables: payoffs, a potential, and two to look for it."""
        return int((agents + 3) * actions**agents)

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """There are none: the file was checked when it was read."""
        yield from ()

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r_i | a_i], (R, m, A), in O(m A^m) per row. See `PotentialGame`."""
        policy = np.exp(log_policy)
        marginals = np.empty_like(policy)
        for agent in range(self.agents):
            for part, tables in tables_of_rows(self.payoffs[agent][None], np.zeros_like(rows)):
                others = policy[part]
                of_first = average_last_agents(tables, others[:, agent + 1 :])
                marginals[part, agent] = average_first_agents(of_first, others[:, :agent])
        return marginals

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return own rewards, (R, N, m), in O(N m) per row. See `PotentialGame`."""
        rewards = np.empty(joint_actions.shape)
        flat = self.payoffs.reshape(self.agents, -1)
        for row in range(len(rows)):
            rewards[row] = flat[:, flat_index(joint_actions[row], self.actions)].T
        return rewards

    def potential(self, rows: IntArray, log_policy: Array) -> Array:
        """Return the expected potential, (R,). See `PotentialGame`.

        Raises:
            ValueError: The game has none.
        """
        if self.exact_potential is None:
            raise ValueError("this game has no exact potential")
        tables, one_game = self.exact_potential[None], np.zeros_like(rows)
        return expected(tables, one_game, np.exp(log_policy))

    def arrays(self) -> dict[str, Array]:
        """Return `own_payoffs` (1, m, A, ..., A), how they were scaled, and `potential` if any."""
        potential = {}
        if self.exact_potential is not None:
            potential["potential"] = self.exact_potential[None]
        return {"own_payoffs": self.payoffs[None]} | potential | self._scale.arrays()
