"""The shared buffer of a Markov game: what is written to it, and what that costs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import AnyArray
from marl_comm.experience.experience import Traffic
from marl_comm.experience.mixture import widened
from marl_comm.rows import Rows, record


@record
@dataclass
class TrajectoryBuffer:
    """Whole episodes, in the types in which they travel, the newest round first.

    Those of a round are ordered by behaviour policy.

    Attributes:
        states: (rows, steps, episodes), or one step more where the state after the last action is
            of use; the smallest unsigned type that holds a state. Written once, for everybody.
        joint_actions: (rows, steps, episodes, agents), the smallest unsigned type that holds an
            action. Each agent writes its own.
        rewards: float32, (rows, steps, episodes) where the team shares one reward, written once,
            or (rows, steps, episodes, agents) where each agent writes its own.
    """

    states: Rows[AnyArray]
    joint_actions: Rows[AnyArray]
    rewards: Rows[AnyArray]

    @property
    def places(self) -> int:
        """How many episodes of a row there is room for."""
        return int(self.joint_actions.shape[2])

    @property
    def traffic(self) -> Traffic:
        """The cost of the round for one row, in bytes that are really in these arrays."""
        _, steps, episodes, agents = self.joint_actions.shape
        state_bytes = self.states[0].nbytes
        reward_bytes = self.rewards[0].nbytes
        own_reward_bytes = reward_bytes if self.rewards.ndim == 4 else 0
        return Traffic.of_buffer(
            steps * episodes,
            agents,
            common_bytes=state_bytes + reward_bytes - own_reward_bytes,
            own_bytes=self.joint_actions[0].nbytes + own_reward_bytes,
        )

    def newest(self, episodes: int) -> "TrajectoryBuffer":
        """Return the first so many episodes of each row."""
        return self._each(lambda array: array[:, :, :episodes])

    def before(self, earlier: "TrajectoryBuffer") -> "TrajectoryBuffer":
        """Return these episodes followed by earlier ones."""
        return TrajectoryBuffer(
            np.concatenate([self.states, earlier.states], axis=2),
            np.concatenate([self.joint_actions, earlier.joint_actions], axis=2),
            np.concatenate([self.rewards, earlier.rewards], axis=2),
        )

    def widened(self, episodes: int) -> "TrajectoryBuffer":
        """Return the same episodes with zeros behind them, `episodes` in all."""
        return self._each(lambda array: widened(array, episodes, axis=2))

    def _each(self, change: Callable[[AnyArray], AnyArray]) -> "TrajectoryBuffer":
        return TrajectoryBuffer(*map(change, (self.states, self.joint_actions, self.rewards)))
