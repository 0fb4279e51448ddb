"""A game whose suboptimality gap at the equilibrium is what the user wants it to be."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.one_shot.rules import OwnRewardsGame
from marl_comm.games.one_shot.settings import DrawnOneShotSettings
from marl_comm.randomness import generator


@final
class GapSettings(DrawnOneShotSettings):
    """A game with a chosen suboptimality gap.

    Attributes:
        gap: How much better an agent's best action is than its second at the equilibrium.
    """

    name: Literal["gap"]
    gap: Annotated[float, Field(gt=0, le=1)]

    @property
    def rules(self) -> type["Gap"]:
        """`Gap`."""
        return Gap


@final
class Gap(OwnRewardsGame):
    """Own reward: 1 for an agent's best action; what else it loses, it loses less in good company.

    Each agent i has a best action b_i. Any other action a loses

        gap + short_i(a) + (1 - gap) / 2 * (share of the other agents that miss their best action),

    where one action, the second, has short = 0, and all others are drawn from [0, (1 - gap) / 2).
    The best action is dominant, so that all at their best is the only equilibrium, and there the
    second action is worse by exactly `gap`: the suboptimality gap that rates of natural policy
    gradient divide by (Sun et al. 2023, arXiv 2310.09727). As the others learn, an agent's
    incentive shrinks to it from far more. What agents lose to each other is alike for both of a
    pair, hence an exact potential:

        m - sum_i missed_i (gap + short_i(a_i)) - (1 - gap) / (2 (m - 1)) * (pairs that both miss).

    Attributes:
        gap: The suboptimality gap, in units of reward.
        best: (games, m), each agent's best action.
        shortfall: (games, m, A), gap + short; 0 at the best action.
    """

    def __init__(self, agents: int, actions: int, seeds: Sequence[int], *, gap: float) -> None:
        """Draw one game per seed.

        Args:
            agents: m.
            actions: A, at least 2.
            seeds: One per game; a single one makes a game that every row shares.
            gap: In (0, 1].
        """
        super().__init__(agents, actions, seeds)
        self.gap = gap
        self._company = (1.0 - gap) / 2 / max(1, agents - 1)
        drawn = [self._draw(seed) for seed in seeds]
        self.best: IntArray = np.stack([best for best, _ in drawn])
        self.shortfall: Array = np.stack([shortfall for _, shortfall in drawn])

    def _draw(self, seed: int) -> tuple[IntArray, Array]:
        random, agents = generator(seed, "game"), np.arange(self.agents)
        best = random.integers(self.actions, size=self.agents)
        second = (best + random.integers(1, self.actions, size=self.agents)) % self.actions
        short = (1.0 - self.gap) / 2 * random.random((self.agents, self.actions))
        short[agents, second] = 0.0
        shortfall = self.gap + short
        shortfall[agents, best] = 0.0
        return best, shortfall

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of its arrays."""
        return agents * (actions + 1)

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """There are none."""
        yield from ()

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r_i | a_i], (R, m, A), in O(m A) per row. See `PotentialGame`."""
        games = self.game_of_row(rows)
        misses = self._misses(games, np.exp(log_policy))
        others = misses.sum(axis=-1, keepdims=True) - misses
        loses = self.shortfall[games] + self._company * others[..., None]
        best = np.arange(self.actions) == self.best[games][..., None]
        return np.asarray(np.where(best, 1.0, 1.0 - loses))

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return own rewards, (R, N, m), in O(N m) per row. See `PotentialGame`."""
        rewards = np.empty(joint_actions.shape)
        agents = np.arange(self.agents)
        for row, game in enumerate(self.game_of_row(rows)):
            missed = joint_actions[row] != self.best[game]
            others = missed.sum(axis=-1, keepdims=True) - missed
            shortfall = self.shortfall[game][agents, joint_actions[row]]
            rewards[row] = 1.0 - missed * (shortfall + self._company * others)
        return rewards

    def potential(self, rows: IntArray, log_policy: Array) -> Array:
        """Return the potential, (R,), in [0, m]. See `PotentialGame`."""
        games, policy = self.game_of_row(rows), np.exp(log_policy)
        misses = self._misses(games, policy)
        pairs = (misses.sum(axis=-1) ** 2 - (misses**2).sum(axis=-1)) / 2
        alone = (policy * self.shortfall[games]).sum(axis=-1).sum(axis=-1)
        return np.asarray(self.agents - alone - self._company * pairs)

    def arrays(self) -> dict[str, Array]:
        """Return `gap` (1,), `best` (games, m) and `shortfall` (games, m, A)."""
        return {
            "gap": np.array([self.gap]),
            "best": self.best.astype(np.float64),
            "shortfall": self.shortfall,
        }

    def _misses(self, games: IntArray, policy: Array) -> Array:
        """Return each agent's probability of not playing its best action, (R, m)."""
        other = np.arange(self.actions) != self.best[games][..., None]
        return np.asarray((policy * other).sum(axis=-1))
