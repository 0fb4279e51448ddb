"""The shared buffer of a matrix-form game: what is written to it, and what that costs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marl_comm.arrays import AnyArray
from marl_comm.experience.experience import Traffic
from marl_comm.experience.mixture import widened
from marl_comm.rows import Rows, record


@record
@dataclass
class SharedBuffer:
    """Joint actions and rewards, in the types in which they travel; the newest round first.

    Attributes:
        joint_actions: (rows, samples, agents), the smallest unsigned type that holds an action.
            Each agent writes its own column.
        rewards: float32, (rows, samples) where the team shares one reward, written once, or
            (rows, samples, agents) where each agent writes its own.
    """

    joint_actions: Rows[AnyArray]
    rewards: Rows[AnyArray]

    @property
    def places(self) -> int:
        """How many samples of a row there is room for."""
        return int(self.joint_actions.shape[1])

    @property
    def traffic(self) -> Traffic:
        """The cost of the round for one row, in bytes that are really in these arrays."""
        samples, agents = self.joint_actions.shape[1:]
        reward_bytes = self.rewards[0].nbytes
        own_reward_bytes = reward_bytes if self.rewards.ndim == 3 else 0
        return Traffic.of_buffer(
            samples,
            agents,
            common_bytes=reward_bytes - own_reward_bytes,
            own_bytes=self.joint_actions[0].nbytes + own_reward_bytes,
        )

    def newest(self, samples: int) -> "SharedBuffer":
        """Return the first so many samples of each row."""
        return SharedBuffer(self.joint_actions[:, :samples], self.rewards[:, :samples])

    def before(self, earlier: "SharedBuffer") -> "SharedBuffer":
        """Return these samples followed by earlier ones."""
        return SharedBuffer(
            np.concatenate([self.joint_actions, earlier.joint_actions], axis=1),
            np.concatenate([self.rewards, earlier.rewards], axis=1),
        )

    def widened(self, samples: int) -> "SharedBuffer":
        """Return the same samples with zeros behind them, `samples` in all."""
        return SharedBuffer(
            widened(self.joint_actions, samples, axis=1), widened(self.rewards, samples, axis=1)
        )


def action_type(actions: int) -> np.dtype[Any]:
    """Return the smallest unsigned integer type that holds `actions` different values."""
    return np.min_scalar_type(actions - 1)
