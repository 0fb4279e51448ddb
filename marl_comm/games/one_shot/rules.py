"""What every potential game offers: plays for the agents, and exact oracles for the metrics."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray


class PotentialGame(ABC):
    """What `TeamGame` and `OwnRewardsGame` share: derive from one of them, not from this class.

    A one-shot game in which every agent's incentive to deviate is the slope of one potential.

    All seeds of a run are played at once. `rows` are indices into the run's seeds, one per row of
    the other arguments; a row's results do not depend, to the last bit, on the other rows.
    Policies are products over agents, given as log-probabilities (rows, agents, actions), where
    -inf is allowed. Rewards are in [0, 1].

    Attributes:
        agents: m.
        actions: A, the number of actions of each agent.
        games: Number of games drawn: one per seed of the run, or 1 that all seeds share.
    """

    def __init__(self, agents: int, actions: int, seeds: Sequence[int]) -> None:
        """Remember the sizes. Subclasses draw the games, each from its own seed alone.

        Args:
            agents: At least 1.
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

    @classmethod
    @abstractmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return how many numbers of 8 bytes one game holds, for the estimate of memory."""

    @classmethod
    @abstractmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """Yield a line for each reason why games of this size cannot be played.

        Args:
            agents: m.
            actions: A.
            games: How many are drawn.
        """

    @property
    @abstractmethod
    def common_reward(self) -> bool:
        """Whether all agents receive one team reward, or each agent its own."""

    @abstractmethod
    def potential(self, rows: IntArray, log_policy: Array) -> Array:
        """Return the expected potential: an agent's gain from any deviation is the potential's.

        Args:
            rows: (R,).
            log_policy: (R, m, A).

        Returns:
            (R,), in units of an agent's reward.
        """

    def value(self, rows: IntArray, log_policy: Array) -> Array:
        """Return the expected team reward, the mean over agents where their rewards differ.

        Args:
            rows: (R,).
            log_policy: (R, m, A).

        Returns:
            (R,).
        """
        own = (np.exp(log_policy) * self.marginal_rewards(rows, log_policy)).sum(axis=-1)
        return np.asarray(own.mean(axis=-1))

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """Return the arrays that define the games, leading axis `games`, by their stored name."""


class TeamGame(PotentialGame):
    """A one-shot game with one team reward, which is its own potential."""

    @property
    def common_reward(self) -> bool:
        """Yes."""
        return True

    def potential(self, rows: IntArray, log_policy: Array) -> Array:
        """Return the expected team reward, (R,). See `PotentialGame`."""
        return self.value(rows, log_policy)


class OwnRewardsGame(PotentialGame):
    """A one-shot game in which each agent has its own reward."""

    @property
    def common_reward(self) -> bool:
        """No."""
        return False
