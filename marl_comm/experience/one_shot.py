"""Sampled mode: marginal rewards by importance sampling from a round's joint actions."""

from typing import Any, Self

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience import estimators
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.estimation import Estimation
from marl_comm.experience.experience import Staleness, Traffic
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.oracle import nearest_base
from marl_comm.experience.shared_buffer import SharedBuffer


class SampledExperience:
    """The joint actions and rewards of each row's latest round, and their weights."""

    _estimation: Estimation

    def __init__(self, buffer: SharedBuffer, behaviours: BasePolicies) -> None:
        """Index the buffer and compute the densities that no later local update changes.

        Args:
            buffer: The data, ordered by behaviour policy.
            behaviours: The policies that played, exploration included.
        """
        self._buffer = buffer
        self._bases = behaviours
        self._joint_actions = JointActions.of(
            buffer.joint_actions, behaviours.log_policies.shape[-1]
        )
        rewards = buffer.rewards.astype(np.float64)
        self._rewards: Array = (
            np.ascontiguousarray(rewards.transpose(0, 2, 1)) if rewards.ndim == 3 else rewards
        )
        self._log_density = estimators.log_mixture_density(
            self._joint_actions,
            behaviours.log_policies,
            behaviours.samples_per_base(buffer.joint_actions.shape[1]),
        )
        self._weights = np.ones(self._log_density.shape)

    @property
    def bases(self) -> BasePolicies:
        """The behaviour policies of the round."""
        return self._bases

    @property
    def traffic(self) -> Traffic:
        """What the round cost, per row."""
        return self._buffer.traffic

    def prepare(self, estimation: Estimation) -> None:
        """Remember how estimates are made."""
        self._estimation = estimation

    def weigh(self, log_policy: Array) -> Staleness:
        """Compute and remember the importance weights of `log_policy`, (rows, agents, actions)."""
        log_target = self._joint_actions.sum_over_agents(log_policy)
        self._weights = estimators.importance_weights(log_target, self._log_density)
        staleness = nearest_base(log_policy, self._bases, self.divergences)
        staleness.ess = estimators.effective_sample_size(self._weights)
        staleness.mean_weight = self._weights.mean(axis=1)
        return staleness

    def action_values(self, log_policy: Array) -> Array:
        """Estimate the marginal rewards, (rows, agents, actions), from the weighted samples."""
        asked = self._estimation
        weights = self._weights if asked.weighted else np.ones_like(self._weights)
        return estimators.marginal_rewards(
            self._joint_actions,
            weights,
            self._rewards,
            log_policy,
            asked.in_force,
            asked.truncation,
            baseline=estimators.value_estimate(weights, self._rewards),
        )

    def divergences(self, rows: IntArray, log_policy: Array, log_bases: Array) -> Array:
        """Return the divergences of product policies, (rows, bases): no data are needed."""
        return estimators.renyi_divergence(log_policy[:, None], log_bases)

    def state(self) -> dict[str, Any]:
        """Return the shared data and where they came from, for a checkpoint."""
        return {
            "joint_actions": self._buffer.joint_actions,
            "rewards": self._buffer.rewards,
            "bases": self._bases.state(),
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Return the experience that a checkpoint holds, not yet weighed."""
        buffer = SharedBuffer(state["joint_actions"], state["rewards"])
        return cls(buffer, BasePolicies(**state["bases"]))

    def keep(self, rows: IntArray) -> Self:
        """Return a copy of the given rows."""
        kept = object.__new__(type(self))
        kept._estimation = self._estimation
        kept._buffer = self._buffer.keep(rows)
        kept._bases = self._bases.keep(rows)
        kept._joint_actions = self._joint_actions.keep(rows)
        kept._rewards = self._rewards[rows]
        kept._log_density = self._log_density[rows]
        kept._weights = self._weights[rows]
        return kept

    def replace(self, rows: IntArray, other: Self) -> None:
        """Overwrite the given rows by the rows of `other`, weights included."""
        self._buffer.replace(rows, other._buffer)
        self._bases.replace(rows, other._bases)
        self._joint_actions.replace(rows, other._joint_actions)
        self._rewards[rows] = other._rewards
        self._log_density[rows] = other._log_density
        self._weights[rows] = other._weights
