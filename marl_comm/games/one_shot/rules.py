"""What every potential game offers: plays for the agents, and exact oracles for the metrics."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray


class PotentialGame(ABC):
    """A one-shot game in which every agent's incentive to deviate is the slope of one potential.

    All seeds of a run are played at once. `rows` are indices into the run's seeds, one per row of
    the other arguments; a row's results do not depend, to the last bit, on the other rows.
    Policies are products over agents, given as log-probabilities (rows, agents, actions), where
    -inf is allowed. Rewards are in [0, 1].

    Attributes:
        agents: m.
        actions: A, the number of actions of each agent.
        games: Number of games drawn: one per seed of the run, or 1 that all seeds share.
        common_reward: Whether all agents receive one team reward, or each agent its own.
    """

    common_reward: ClassVar[bool]

    def __init__(self, agents: int, actions: int, seeds: Sequence[int]) -> None:
        """Remember the sizes. Subclasses draw the games, each from its own seed alone.

        Args:
            agents: At least 2.
            actions: At least 2.
            seeds: One per game; a single one makes a game that every row shares.
        """
        self.agents = agents
        self.actions = actions
        self.games = len(seeds)

    def game_of_row(self, rows: IntArray) -> IntArray:
        """Return, for each row, the index of its game on the game arrays' leading axis."""
        return np.zeros_like(rows) if self.games == 1 else rows

    @abstractmethod
    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r_i | a_i] for every agent i and action, the others playing their policies.

        Args:
            rows: (R,).
            log_policy: (R, m, A).

        Returns:
            (R, m, A), exact up to rounding.
        """

    @abstractmethod
    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return the noiseless rewards of played joint actions.

        Args:
            rows: (R,).
            joint_actions: (R, N, m), of any integer type.

        Returns:
            (R, N) team rewards, or (R, N, m) own rewards where `common_reward` is False.
        """

    @abstractmethod
    def value(self, rows: IntArray, log_policy: Array) -> Array:
        """Return the expected team reward, the mean over agents where their rewards differ.

        Args:
            rows: (R,).
            log_policy: (R, m, A).

        Returns:
            (R,).
        """

    def potential(self, rows: IntArray, log_policy: Array) -> Array:
        """Return the expected potential: an agent's gain from any deviation is the potential's.

        A team reward is its own potential; games with own rewards override this.

        Args:
            rows: (R,).
            log_policy: (R, m, A).

        Returns:
            (R,), in units of an agent's reward.
        """
        return self.value(rows, log_policy)

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """Return the arrays that define the games, leading axis `games`, by their stored name."""
