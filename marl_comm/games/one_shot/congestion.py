"""Rosenthal's congestion game: every agent picks one resource and pays for its load."""

from collections.abc import Iterator, Sequence
from typing import Literal, final

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.one_shot.loads import expected_of_others_load, load_distributions
from marl_comm.games.one_shot.rules import OwnRewardsGame
from marl_comm.games.one_shot.settings import DrawnOneShotSettings
from marl_comm.randomness import generator


@final
class CongestionSettings(DrawnOneShotSettings):
    """Rosenthal congestion game."""

    name: Literal["congestion"]

    @property
    def rules(self) -> type["Congestion"]:
        """`Congestion`."""
        return Congestion


@final
class Congestion(OwnRewardsGame):
    """Own reward: r_i(a) = 1 - c_f(k) for an agent that shares resource f = a_i with k - 1 others.

    The potential is Rosenthal's, with the sign and scale of rewards: sum_f sum_{k=1}^{load of f}
    (1 - c_f(k)), in [0, m]. Whoever deviates alone changes it by exactly the change of the own
    reward. Loads are sums of independent choices, so nothing here forms the joint action space.

    Attributes:
        costs: c, (games, A, m); costs[g, f, k - 1] is what each of k agents on f pays, in [0, 1),
            nondecreasing in k: sorted uniform draws.
    """

    def __init__(self, agents: int, actions: int, seeds: Sequence[int]) -> None:
        """Draw one game per seed.

        Args:
            agents: m.
            actions: A, the number of resources, at least 2.
            seeds: One per game; a single one makes a game that every row shares.
        """
        super().__init__(agents, actions, seeds)
        draws = [generator(seed, "game").random((actions, agents)) for seed in seeds]
        self.costs: Array = np.sort(np.stack(draws), axis=-1)

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of its arrays."""
        return agents**2 * actions

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """There are none."""
        yield from ()

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r_i | a_i], (R, m, A), in O(m^2 A) per row. See `PotentialGame`."""
        costs = self.costs[self.game_of_row(rows)]
        return 1.0 - expected_of_others_load(costs, np.exp(log_policy))

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return own rewards, (R, N, m), in O(N (m + A)) per row. See `PotentialGame`."""
        _, samples, agents = joint_actions.shape
        rewards = np.empty(joint_actions.shape)
        first_resource = (np.arange(samples) * self.actions)[:, None]
        # Row by row, all that is touched stays in cache.
        for row, game in enumerate(self.game_of_row(rows)):
            choice = joint_actions[row].astype(np.int64)
            place = choice + first_resource
            load = np.bincount(place.ravel(), minlength=samples * self.actions)
            choice *= agents
            choice += load[place] - 1
            rewards[row] = (1.0 - self.costs[game]).ravel()[choice]
        return rewards

    def potential(self, rows: IntArray, log_policy: Array) -> Array:
        """Return Rosenthal's potential of rewards, (R,), in [0, m]. See `PotentialGame`."""
        costs = self.costs[self.game_of_row(rows)]
        return self.agents - self._expected_total(costs.cumsum(axis=-1), log_policy)

    def arrays(self) -> dict[str, Array]:
        """Return `costs` (games, A, m)."""
        return {"costs": self.costs}

    def _expected_total(self, of_load: Array, log_policy: Array) -> Array:
        """Return sum_f E[of_load[:, f, load - 1]], (R,), where an empty resource counts nothing."""
        *_, load = load_distributions(np.exp(log_policy))
        return np.asarray((load[..., 1:] * of_load).sum(axis=-1).sum(axis=-1))
