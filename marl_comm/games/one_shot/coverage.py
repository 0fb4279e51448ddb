"""Weapon-target assignment: every agent aims at one target, and hits it with some probability."""

from collections.abc import Iterator, Sequence
from typing import Literal, final

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.one_shot.rules import TeamGame
from marl_comm.games.one_shot.settings import DrawnOneShotSettings
from marl_comm.randomness import generator

_HIT_PROBABILITY_RANGE = (0.2, 0.9)


@final
class CoverageSettings(DrawnOneShotSettings):
    """Weapon-target assignment."""

    name: Literal["coverage"]

    @property
    def rules(self) -> type["Coverage"]:
        """`Coverage`."""
        return Coverage


@final
class Coverage(TeamGame):
    """Team reward: the expected value of the targets hit by at least one agent.

    r(a) = sum_f w_f (1 - prod_{i: a_i = f} (1 - q_if)), with target values w that sum to 1 and hit
    probabilities q. Targets survive independently under product policies, so nothing here forms
    the joint action space.

    Attributes:
        target_value: w, (games, A), uniform draws scaled to sum to 1.
        hit_probability: q, (games, m, A), uniform in [0.2, 0.9).
    """

    def __init__(self, agents: int, actions: int, seeds: Sequence[int]) -> None:
        """Draw one game per seed.

        Args:
            agents: m.
            actions: A, the number of targets, at least 2.
            seeds: One per game; a single one makes a game that every row shares.
        """
        super().__init__(agents, actions, seeds)
        self.target_value: Array = np.empty((self.games, actions))
        self.hit_probability: Array = np.empty((self.games, agents, actions))
        for game, seed in enumerate(seeds):
            random = generator(seed, "game")
            weight = 1.0 - random.random(actions)  # in (0, 1], so that the sum is never 0
            self.target_value[game] = weight / weight.sum()
            self.hit_probability[game] = random.uniform(
                *_HIT_PROBABILITY_RANGE, size=(agents, actions)
            )

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of its arrays."""
        return actions + agents * actions

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """There are none."""
        yield from ()

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r | a_i], (R, m, A), in O(m A) per row. See `PotentialGame`."""
        game = self.game_of_row(rows)
        value = self.target_value[game][:, None]
        hit = self.hit_probability[game]
        survival = 1.0 - np.exp(log_policy) * hit
        # Products over all other agents from both ends: division would fail where survival is 0.
        others = np.ones_like(survival)
        np.multiply.accumulate(survival[:, :-1], axis=1, out=others[:, 1:])
        others[:, :-1] *= np.multiply.accumulate(survival[:, :0:-1], axis=1)[:, ::-1]
        without_agent = (value * (1.0 - others)).sum(axis=-1, keepdims=True)
        return np.asarray(without_agent + value * hit * others)

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return team rewards, (R, N), in O(N (m + A)) per row. See `PotentialGame`."""
        _, samples, _ = joint_actions.shape
        rewards = np.empty((len(rows), samples))
        first_target = np.arange(samples) * self.actions
        # Row by row, all that is touched stays in cache.
        for row, game in enumerate(self.game_of_row(rows)):
            miss = 1.0 - self.hit_probability[game]
            survival = np.ones(samples * self.actions)
            for agent in range(self.agents):
                aim = joint_actions[row, :, agent]
                survival[first_target + aim] *= miss[agent].take(aim)
            hit = 1.0 - survival.reshape(samples, self.actions)
            rewards[row] = np.einsum("nf,f->n", hit, self.target_value[game])
        return rewards

    def arrays(self) -> dict[str, Array]:
        """Return `target_value` (games, A) and `hit_probability` (games, m, A)."""
        return {"target_value": self.target_value, "hit_probability": self.hit_probability}
