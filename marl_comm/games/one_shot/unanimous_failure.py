"""The team fails only if every agent fails: equilibria that learning reaches ever more slowly."""

from collections.abc import Iterator, Sequence
from typing import Literal, final

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.one_shot.rules import TeamGame
from marl_comm.games.one_shot.settings import DrawnOneShotSettings
from marl_comm.randomness import generator


@final
class UnanimousFailureSettings(DrawnOneShotSettings):
    """The team fails only if every agent fails."""

    name: Literal["unanimous_failure"]

    @property
    def rules(self) -> type["UnanimousFailure"]:
        """`UnanimousFailure`."""
        return UnanimousFailure


@final
class UnanimousFailure(TeamGame):
    """Team reward r(a) = 1 - prod_i 1{a_i is agent i's failing action}.

    Once the others hardly fail, failing hardly matters: under softmax natural policy gradient with
    exact gradients the failing action's probability falls like t^(-1/(m-1)) and the Nash gap like
    t^(-m/(m-1)), polynomially and not geometrically.

    Attributes:
        failing: (games, m, A), 1 at each agent's failing action, else 0; drawn uniformly.
    """

    def __init__(self, agents: int, actions: int, seeds: Sequence[int]) -> None:
        """Draw one game per seed.

        Args:
            agents: m.
            actions: A, at least 2.
            seeds: One per game; a single one makes a game that every row shares.
        """
        super().__init__(agents, actions, seeds)
        chosen = [generator(seed, "game").integers(actions, size=agents) for seed in seeds]
        self.failing: Array = np.eye(actions)[np.stack(chosen)]

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of its arrays."""
        return agents * actions

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """There are none."""
        yield from ()

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r | a_i], (R, m, A), in O(m A) per row. See `PotentialGame`."""
        failing = self.failing[self.game_of_row(rows)]
        fails = (np.exp(log_policy) * failing).sum(axis=-1)
        # Products over all other agents from both ends, without division.
        others = np.ones_like(fails)
        np.multiply.accumulate(fails[:, :-1], axis=1, out=others[:, 1:])
        others[:, :-1] *= np.multiply.accumulate(fails[:, :0:-1], axis=1)[:, ::-1]
        return np.asarray(1.0 - failing * others[..., None])

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return team rewards, (R, N), in O(N m) per row. See `PotentialGame`."""
        all_fail = np.ones(joint_actions.shape[:2])
        for row, game in enumerate(self.game_of_row(rows)):
            for agent in range(self.agents):
                all_fail[row] *= self.failing[game, agent].take(joint_actions[row, :, agent])
        return 1.0 - all_fail

    def arrays(self) -> dict[str, Array]:
        """Return `failing` (games, m, A)."""
        return {"failing": self.failing}
