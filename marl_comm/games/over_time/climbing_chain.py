"""A ladder that a team climbs only as fast as its weakest member works."""

from collections.abc import Iterator, Sequence
from typing import Literal, final

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.over_time.rules import TeamMarkovGame
from marl_comm.games.over_time.settings import FiniteHorizonSettings, Penalty
from marl_comm.options.answers import RunSettings


@final
class ClimbingChainSettings(FiniteHorizonSettings):
    """A ladder that a team climbs as fast as its weakest member works.

    Attributes:
        penalty: Cost of wasted effort relative to the gain from common effort.
    """

    name: Literal["climbing_chain"]
    penalty: Penalty

    @property
    def own_rewards(self) -> bool:
        """No: one team reward."""
        return False

    @property
    def shared(self) -> bool:
        """Yes: nothing is drawn."""
        return True

    @property
    def game_seed(self) -> int | None:
        """None: nothing is drawn."""
        return None

    def numbers(self, seeds: int) -> int:
        """Return the size of its arrays, which all seeds share."""
        return ClimbingChain.numbers(self.agents, self.actions, self.states)

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()

    def drawn(self, seeds: Sequence[int]) -> "ClimbingChain":
        """Return the rules, which all seeds share."""
        return ClimbingChain(self.agents, self.actions, self.states, self.horizon, self.penalty)


@final
class ClimbingChain(TeamMarkovGame):
    """A weakest-link game (Van Huyck, Battalio & Beil 1990) with a penalty, unrolled over a chain.

    The team starts on the lowest of S rungs. In every step each agent picks an effort from 0 to
    A - 1; with e the smallest effort and w the mean effort beyond it, wasted, the team reward is

        (s + 1) / S  *  (penalty + (e - penalty w) / (A - 1)) / (1 + penalty)  /  horizon,

    and the team climbs one rung with probability e / (A - 1), up to the last. Finite horizon.

    **Known optimum:** all agents always at full effort. It is best in every state and climbs
    fastest; its value is `optimum()`. **Known bad local maxima:** all agents always at the same
    effort k < A - 1: more from one agent alone is wasted, less from one slows all down. The value
    of k = 0, where nobody ever climbs, is penalty / (1 + penalty) / S.

    Nothing here forms the joint action space, and all seeds share the one game.

    Attributes:
        penalty: Cost of wasted effort relative to the gain from common effort.
    """

    def __init__(
        self, agents: int, actions: int, states: int, horizon: int, penalty: float
    ) -> None:
        """Set the rules.

        Args:
            agents: m.
            actions: A, the number of effort levels, at least 2.
            states: S, the number of rungs.
            horizon: Steps of an episode.
            penalty: At least 0; above 0 every common effort is a strict local maximum.
        """
        start = np.eye(1, states)
        super().__init__(agents, actions, states, horizon, None, start)
        self.penalty = penalty
        self._rung: Array = np.arange(1, states + 1) / states
        self._climb: Array = np.eye(states, k=1)
        self._climb[-1, -1] = 1.0

    def optimum(self) -> float:
        """Return the value of full effort, the most that any policy has."""
        rungs = np.minimum(np.arange(self.steps), self.states - 1)
        return float(self._rung[rungs].mean())

    @classmethod
    def numbers(cls, agents: int, actions: int, states: int) -> int:
        """Return the size of its arrays."""
        return states * (states + 1)

    def induced(self, rows: IntArray, log_policy: Array) -> tuple[Array, Array]:
        """Return rewards and transitions of each agent in O(m A S^2) per row. See `MarkovGame`."""
        policy = np.exp(log_policy)
        efforts = np.arange(self.actions)
        # at_least[..., k]: probability of effort k or more.
        at_least = policy[..., ::-1].cumsum(axis=-1)[..., ::-1]
        others = _product_of_others(at_least)
        # The mean of the smallest effort is the sum over k >= 1 of the chance that all make k.
        smallest = others.cumsum(axis=-1) - others[..., :1]
        own_mean = (policy * efforts).sum(axis=-1)
        others_mean = own_mean.sum(axis=-1, keepdims=True) - own_mean
        mean = (others_mean[..., None] + efforts) / self.agents
        rewards = self._reward(self._rung[:, None, None], smallest, mean)
        climbs = (smallest / (self.actions - 1))[..., None]
        stay, up = np.eye(self.states)[:, None, None], self._climb[:, None, None]
        return rewards, (1.0 - climbs) * stay + climbs * up

    def move(
        self, rows: IntArray, states: IntArray, joint_actions: AnyArray, uniform: Array
    ) -> tuple[Array, IntArray]:
        """Compare efforts, in O(m) per episode. See `MarkovGame`."""
        smallest = joint_actions.min(axis=-1).astype(np.float64)
        rewards = self._reward(self._rung[states], smallest, joint_actions.mean(axis=-1))
        climbs = uniform * (self.actions - 1) < smallest
        return rewards, np.minimum(states + climbs, self.states - 1)

    def arrays(self) -> dict[str, Array]:
        """Return the rules, each with a leading axis of length 1."""
        return {
            "penalty": np.array([self.penalty], dtype=np.float64),
            "initial_distribution": self.initial_distribution,
        }

    def _reward(self, rung: Array, smallest: Array, mean: Array) -> Array:
        gain = (smallest - self.penalty * (mean - smallest)) / (self.actions - 1)
        return np.asarray(rung * (self.penalty + gain) / ((1.0 + self.penalty) * self.steps))


def _product_of_others(values: Array) -> Array:
    """Return, for each agent, the product of the other agents' values (axis -2), zeros allowed."""
    before = np.ones_like(values)
    before[..., 1:, :] = values[..., :-1, :].cumprod(axis=-2)
    after = np.ones_like(values)
    after[..., :-1, :] = values[..., :0:-1, :].cumprod(axis=-2)[..., ::-1, :]
    return before * after
