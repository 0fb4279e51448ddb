"""What every Markov game offers: moves for the episodes played, and exact expectations."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray


class MarkovGame(ABC):
    """What the games of teams and of own rewards share: derive from one of the two at the end.

    A game in which joint actions also move a state that every agent sees.

    All seeds of a run are played at once. `rows` are indices into the run's seeds, one per row of
    the other arguments; a row's results do not depend, to the last bit, on the other rows.
    Policies are products over agents, given as log-probabilities. They have one layer per step
    where the horizon is finite, and a single, stationary one where rewards are discounted.
    Rewards lie in [0, 1]; with a finite horizon, so does the sum of an episode.

    Attributes:
        agents: m.
        actions: A, the number of actions of each agent.
        states: S.
        steps: T, the length of an episode; with a finite horizon, the horizon.
        discount: Factor on rewards per step, below 1 for discounted games; None for games that
            end after `steps` steps.
        games: Number of games drawn: one per seed of the run, or 1 that all seeds share.
        initial_distribution: (games, S).
    """

    def __init__(
        self,
        agents: int,
        actions: int,
        states: int,
        steps: int,
        discount: float | None,
        initial_distribution: Array,
    ) -> None:
        """Remember the sizes. Subclasses draw the games, each from its own seed alone."""
        self.agents = agents
        self.actions = actions
        self.states = states
        self.steps = steps
        self.discount = discount
        self.initial_distribution = initial_distribution
        self.games = len(initial_distribution)

    @property
    def layers(self) -> int:
        """L, the number of policies that an agent has for each state: `steps`, or 1."""
        return self.steps if self.discount is None else 1

    def game_of_row(self, rows: IntArray) -> IntArray:
        """Return, for each row, the index of its game on the game arrays' leading axis."""
        return np.zeros_like(rows) if self.games == 1 else rows

    @property
    @abstractmethod
    def common_reward(self) -> bool:
        """Whether all agents receive one team reward, or each agent its own."""

    @classmethod
    @abstractmethod
    def numbers(cls, agents: int, actions: int, states: int) -> int:
        """Return how many numbers of 8 bytes one game holds, for the estimate of memory."""

    @abstractmethod
    def induced(self, rows: IntArray, log_policy: Array) -> tuple[Array, Array]:
        """Return the decision problem that each agent faces while the others play their policies.

        Args:
            rows: (R,).
            log_policy: (R, S, m, A), of one step.

        Returns:
            Expected own rewards E[r_i | s, a_i], (R, S, m, A), and probabilities of the next state
            P(s' | s, a_i), (R, S, m, A, S), exact up to rounding.
        """

    def transitions(self, rows: IntArray, log_policy: Array) -> Array:
        """Return the probabilities of the next state when all play their policies.

        Args:
            rows: (R,).
            log_policy: (R, S, m, A), of one step.

        Returns:
            P(s' | s), (R, S, S).
        """
        _, transitions = self.induced(rows, log_policy)
        first_agent = np.exp(log_policy[:, :, 0])
        return np.asarray(np.einsum("rsa,rsat->rst", first_agent, transitions[:, :, 0]))

    @abstractmethod
    def move(
        self, rows: IntArray, states: IntArray, joint_actions: AnyArray, uniform: Array
    ) -> tuple[Array, IntArray]:
        """Play one step of E episodes per row.

        Args:
            rows: (R,).
            states: (R, E).
            joint_actions: (R, E, m), of any integer type.
            uniform: (R, E), independent draws from [0, 1), the only source of chance.

        Returns:
            Team rewards (R, E), or own rewards (R, E, m), and the next states (R, E).
        """

    def own_figures(self, rows: IntArray, log_policy: Array) -> Mapping[str, Array]:
        """Return further exact figures of policies (R, L, S, m, A) for the log, each (R,)."""
        return {}

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """Return the arrays that define the games, leading axis `games`, by their stored name.

        Own rewards have their agents' axis after it.
        """


class TeamMarkovGame(MarkovGame):
    """A Markov game with one team reward."""

    @property
    def common_reward(self) -> bool:
        """Yes."""
        return True


class OwnRewardsMarkovGame(MarkovGame):
    """A Markov game in which each agent has its own reward."""

    @property
    def common_reward(self) -> bool:
        """No."""
        return False
