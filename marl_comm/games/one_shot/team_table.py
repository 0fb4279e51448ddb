"""Team games whose rewards are a table over joint actions."""

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.one_shot.joint_table import fill_marginals, flat_index, tables_of_rows
from marl_comm.games.one_shot.rules import TeamGame


class TeamTable(TeamGame):
    """Team reward payoff[a] of the joint action a; what sets `payoff` is a subclass.

    Attributes:
        payoff: (games, A, ..., A), one axis of length A per agent, in [0, 1].
    """

    payoff: Array

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r | a_i], (R, m, A), in O(A^m) per row. See `PotentialGame`."""
        policy = np.exp(log_policy)
        marginals = np.empty_like(policy)
        for part, tables in tables_of_rows(self.payoff, self.game_of_row(rows)):
            fill_marginals(tables, policy[part], marginals[part])
        return marginals

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return team rewards, (R, N), in O(N m) per row. See `PotentialGame`."""
        rewards = np.empty(joint_actions.shape[:2])
        for row, game in enumerate(self.game_of_row(rows)):
            index = flat_index(joint_actions[row], self.actions)
            rewards[row] = self.payoff[game].reshape(-1).take(index)
        return rewards

    def arrays(self) -> dict[str, Array]:
        """Return `payoff` (games, A, ..., A)."""
        return {"payoff": self.payoff}
