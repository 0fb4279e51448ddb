"""A chain of saddle points: an agent's switch pays only once all agents before it have switched."""

from collections.abc import Iterator, Sequence
from typing import Literal, final

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.one_shot.rules import TeamGame
from marl_comm.games.one_shot.settings import DrawnOneShotSettings
from marl_comm.randomness import generator

_RESERVE_RANGE = (0.25, 0.35)


@final
class SaddleChainSettings(DrawnOneShotSettings):
    """An agent's switch pays only once all agents before it have switched."""

    name: Literal["saddle_chain"]

    @property
    def rules(self) -> type["SaddleChain"]:
        """`SaddleChain`."""
        return SaddleChain


@final
class SaddleChain(TeamGame):
    """Team reward r(a) = (L + sum of c_i over the agents that have not switched) / m.

    Each agent has one action that is its switch; L is how many agents in a row, from the first
    on, play it. Staying is worth c_i / m for sure, switching 1 / m or more, but only if all agents
    before have switched. So learning first moves everybody but the first agent away from the
    switch, and then visits the saddle points "the first k have switched", k = 1, 2, ..., one after
    another, each longer than the last. All having switched is the best equilibrium.

    Attributes:
        switch: (games, m, A), 1 at each agent's switch, else 0; drawn uniformly.
        reserve: c, (games, m), uniform in [0.25, 0.35).
    """

    def __init__(self, agents: int, actions: int, seeds: Sequence[int]) -> None:
        """Draw one game per seed.

        Args:
            agents: m.
            actions: A, at least 2; with few actions, uniform play switches often enough for the
                whole chain to start at once.
            seeds: One per game; a single one makes a game that every row shares.
        """
        super().__init__(agents, actions, seeds)
        self.switch: Array = np.zeros((self.games, agents, actions))
        self.reserve: Array = np.empty((self.games, agents))
        for game, seed in enumerate(seeds):
            random = generator(seed, "game")
            self.switch[game, np.arange(agents), random.integers(actions, size=agents)] = 1.0
            self.reserve[game] = random.uniform(*_RESERVE_RANGE, size=agents)

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of its arrays."""
        return agents * (actions + 1)

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """There are none."""
        yield from ()

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r | a_i], (R, m, A), in O(m A) per row. See `PotentialGame`."""
        game = self.game_of_row(rows)
        switched = (np.exp(log_policy) * self.switch[game]).sum(axis=-1)
        reserve = self.reserve[game]
        kept = reserve * (1.0 - switched)
        reached = np.ones_like(switched)  # probability that all agents before have switched
        np.multiply.accumulate(switched[:, :-1], axis=1, out=reached[:, 1:])
        onwards = np.ones_like(switched)  # expected length of the run that a switch starts here
        for agent in range(self.agents - 2, -1, -1):
            onwards[:, agent] += switched[:, agent + 1] * onwards[:, agent + 1]
        before = np.cumsum(reached * switched, axis=1) - reached * switched
        of_others = before + kept.sum(axis=1, keepdims=True) - kept
        stay, switch = of_others + reserve, of_others + reached * onwards
        choice = self.switch[game]
        own = (1.0 - choice) * stay[..., None] + choice * switch[..., None]
        return np.asarray(own / self.agents)

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return team rewards, (R, N), in O(N m) per row. See `PotentialGame`."""
        rewards = np.zeros(joint_actions.shape[:2])
        for row, game in enumerate(self.game_of_row(rows)):
            unbroken = np.ones(joint_actions.shape[1])
            for agent in range(self.agents):
                switched = self.switch[game, agent].take(joint_actions[row, :, agent])
                unbroken *= switched
                rewards[row] += unbroken + (1.0 - switched) * self.reserve[game, agent]
        return rewards / self.agents

    def arrays(self) -> dict[str, Array]:
        """Return `switch` (games, m, A) and `reserve` (games, m)."""
        return {"switch": self.switch, "reserve": self.reserve}
