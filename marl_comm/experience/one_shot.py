"""Sampled mode: marginal rewards by importance sampling from joint actions played."""

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience import estimators, joint_regression
from marl_comm.experience.estimation import Estimation
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.quotient import Quotient, Signal
from marl_comm.experience.reward_model import RewardModels
from marl_comm.experience.sampled_rounds import SampledRounds
from marl_comm.experience.shared_buffer import SharedBuffer
from marl_comm.rows import Derived, record


@record
class SampledExperience(SampledRounds[SharedBuffer]):
    """The joint actions and rewards of each row's latest rounds, and their weights."""

    _models: Derived[RewardModels | None]

    def prepare(self, estimation: Estimation) -> None:
        """Index the data and compute the densities that no later local update changes."""
        self._estimation = estimation
        buffer, mixture = self._buffer, self._mixture
        self._joint_actions = JointActions.of(
            buffer.joint_actions, mixture.log_policies.shape[-1], block=self._block
        )
        rewards = buffer.rewards.astype(np.float64)
        self._rewards = (
            np.ascontiguousarray(rewards.transpose(0, 2, 1)) if rewards.ndim == 3 else rewards
        )
        places = buffer.places
        if estimation.own_base:
            self._log_density = mixture.of_own_base(self._log_probability, places)
        else:
            self._log_density = estimators.log_mixture_density(
                self._joint_actions, mixture.log_policies, mixture.samples
            )
        self._counted, self._count = mixture.present(places), mixture.total
        self._log_density[~self._counted] = np.inf
        self._weights = np.ones(self._log_density.shape)
        self._models = self._predicted = None
        if estimation.models:
            actions = mixture.log_policies.shape[-1]
            self._models, self._predicted = RewardModels.fitted(
                buffer.joint_actions, self._rewards, actions, mixture.total
            )

    def signal(self, log_policy: Array) -> Signal:
        """Return the estimates, and how much of them may be noise."""
        estimates = self._estimates(log_policy)
        everywhere = np.ones(len(log_policy))
        return Signal.of(estimates.values(), estimates.variances(), log_policy, everywhere)

    def model_values(self, log_policy: Array) -> Array:
        """Return the models' marginal rewards, (rows, agents, actions)."""
        if self._models is None:
            raise TypeError("rewards are not modelled")
        return self._models.values(log_policy, own=self._rewards.ndim == 3)

    def value(self, log_policy: Array) -> Array:
        """Return the estimated expected reward, the mean over agents where each has its own."""
        value = estimators.value_estimate(
            self._used_weights(), self._used_rewards(), self._count, self._block
        )
        return value if value.ndim == 1 else np.asarray(value.mean(axis=1))

    def _used_rewards(self) -> Array:
        if not self._estimation.own_base:
            return self._rewards
        shared = self._rewards.ndim == 2
        return np.asarray(self._rewards * (self._counted if shared else self._counted[:, None]))

    def _estimates(self, log_policy: Array) -> Quotient:
        asked, samples = self._estimation, self._count
        weights, rewards = self._used_weights(), self._used_rewards()
        if asked.in_force == "model":
            values = self.model_values(log_policy)
            nothing = np.zeros(self._joint_actions.shape)
            return Quotient(self._joint_actions, nothing, np.zeros_like(values), values)
        if self._models is not None and self._predicted is not None:
            return estimators.doubly_robust_rewards(
                self._joint_actions,
                weights,
                rewards,
                log_policy,
                self._predicted,
                self.model_values(log_policy),
                samples,
                self._block,
            )
        value = estimators.value_estimate(weights, rewards, samples, self._block)
        if asked.in_force == "joint":
            return joint_regression.action_values(
                self._joint_actions,
                weights,
                rewards - value[:, None],
                value,
                np.exp(log_policy),
                samples,
                lambda each: estimators.total(each, self._block),
            )
        return estimators.marginal_rewards(
            self._joint_actions,
            weights,
            rewards,
            log_policy,
            asked.in_force,
            asked.truncation,
            value,
            samples,
        )

    def divergences(self, rows: IntArray, log_policy: Array, log_bases: Array) -> Array:
        """Return the divergences of product policies, (rows, bases): no data are needed."""
        return estimators.renyi_divergence(log_policy[:, None], log_bases)

    def _log_probability(self, log_policy: Array) -> Array:
        return self._joint_actions.sum_over_agents(log_policy)

    def _judged_weights(self) -> tuple[Array, int]:
        return self._weights, 1

    def _make_room(self, rounds: int) -> None:
        super()._make_room(rounds)
        self._joint_actions = self._joint_actions.widened(self._buffer.places)
