"""Sampled mode: marginal rewards by importance sampling from a round's joint actions."""

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience import estimators
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.estimators import Estimator
from marl_comm.experience.experience import Staleness, Traffic
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.oracle import nearest_base
from marl_comm.experience.shared_buffer import SharedBuffer
from marl_comm.rows import Derived, Rows, record


@record
class SampledExperience:
    """The joint actions and rewards of each row's latest round, and their weights."""

    _buffer: Rows[SharedBuffer]
    _bases: Rows[BasePolicies]
    _joint_actions: Derived[JointActions]
    _rewards: Derived[Array]
    _log_density: Derived[Array]
    _weights: Derived[Array]

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
        self._rewards = (
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

    def weigh(self, log_policy: Array) -> Staleness:
        """Compute and remember the importance weights of `log_policy`, (rows, agents, actions)."""
        log_target = self._joint_actions.sum_over_agents(log_policy)
        self._weights = estimators.importance_weights(log_target, self._log_density)
        staleness = nearest_base(log_policy, self._bases, self.divergences)
        staleness.ess = estimators.effective_sample_size(self._weights)
        return staleness

    def action_values(
        self, log_policy: Array, *, weighted: bool, estimator: Estimator, truncation: float
    ) -> Array:
        """Estimate the marginal rewards, (rows, agents, actions), from the weighted samples."""
        weights = self._weights if weighted else np.ones_like(self._weights)
        return estimators.marginal_rewards(
            self._joint_actions,
            weights,
            self._rewards,
            log_policy,
            estimator,
            truncation,
            baseline=estimators.value_estimate(weights, self._rewards),
        )

    def divergences(self, rows: IntArray, log_policy: Array, log_bases: Array) -> Array:
        """Return the divergences of product policies, (rows, bases): no data are needed."""
        return estimators.renyi_divergence(log_policy[:, None], log_bases)
