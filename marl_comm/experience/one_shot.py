"""Sampled mode: marginal rewards by importance sampling from joint actions played."""

import copy
from typing import Self

import numpy as np

from marl_comm.arrays import Array, BoolArray, IntArray
from marl_comm.experience import estimators, joint_regression
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.estimation import Estimation
from marl_comm.experience.experience import Staleness, Traffic
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.mixture import Mixture, widened
from marl_comm.experience.oracle import nearest_base
from marl_comm.experience.quotient import Quotient, Signal
from marl_comm.experience.reward_model import RewardModels
from marl_comm.experience.shared_buffer import SharedBuffer
from marl_comm.rows import Chosen, Derived, Fixed, Rows, put_each, record, take


@record
class SampledExperience:
    """The joint actions and rewards of each row's latest rounds, and their weights."""

    _buffer: Rows[SharedBuffer]
    _behaviours: Rows[BasePolicies]
    _mixture: Rows[Mixture]
    _block: Fixed[int]
    _estimation: Fixed[Estimation]
    _measures: Fixed[bool]
    _joint_actions: Derived[JointActions]
    _rewards: Derived[Array]
    _log_density: Derived[Array]
    _weights: Derived[Array]
    _counted: Derived[BoolArray]  # which places count: those of all samples, or of one base
    _count: Derived[IntArray]
    _models: Derived[RewardModels | None]
    _predicted: Derived[Array | None]

    def __init__(
        self,
        buffer: SharedBuffer,
        behaviours: BasePolicies,
        mixture: Mixture | None = None,
        *,
        measures: bool = True,
    ) -> None:
        """Take over a round's data.

        Args:
            buffer: The data, ordered by behaviour policy.
            behaviours: The policies that played the latest round, exploration included.
            mixture: Who played all data, where they are of several rounds.
            measures: Whether `weigh` tells more of staleness than the effective sample size.
        """
        self._measures = measures
        samples = buffer.joint_actions.shape[1]
        self._buffer = buffer
        self._behaviours = behaviours
        self._mixture = mixture or Mixture.of_round(behaviours, samples)
        self._block = samples // self._rounds

    @property
    def behaviours(self) -> BasePolicies:
        """The behaviour policies of the latest round."""
        return self._behaviours

    @property
    def traffic(self) -> Traffic:
        """What the latest round cost, per row."""
        return self._buffer.newest(self._block).traffic

    def remember(self, earlier: Self, rows: IntArray, rounds: int | None) -> None:
        """Keep the data of earlier rounds behind these, newest first."""
        kept = earlier._rounds + 1 if rounds is None else min(rounds, earlier._rounds + 1)
        self._buffer = self._buffer.before(take(earlier._buffer, rows)).newest(kept * self._block)
        self._mixture = self._mixture.before(
            take(earlier._mixture, rows), kept * self._behaviours.size
        )

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
        places = buffer.joint_actions.shape[1]
        if estimation.own_base:
            self._log_density = mixture.of_own_base(self._joint_actions.sum_over_agents, places)
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

    def reweigh(self, log_policy: Array, update: IntArray | None = None) -> IntArray | None:
        """Compute and remember the importance weights of `log_policy`, (rows, agents, actions).

        Returns:
            (rows,), the base whose data count, where it is one.
        """
        own = None
        if self._estimation.own_base:
            own = self._behaviours.of_update(update)
            self._counted, self._count = self._mixture.of_base(own, self._counted.shape[1])
        log_target = self._joint_actions.sum_over_agents(log_policy)
        self._weights = estimators.importance_weights(log_target, self._log_density)
        if own is not None:
            self._weights *= self._counted
        return own

    def weigh(self, log_policy: Array, update: IntArray | None = None) -> Staleness:
        """Compute the importance weights of `log_policy`, and how stale they show the data to be.

        See `reweigh`.
        """
        own = self.reweigh(log_policy, update)
        staleness = (
            nearest_base(log_policy, self._behaviours, self.divergences, own)
            if self._measures
            else Staleness.unknown(len(log_policy))
        )
        staleness.ess = estimators.effective_sample_size(self._weights, self._block)
        if own is not None:
            staleness.ess *= self._block / self._count
        if self._measures:
            staleness.mean_weight = estimators.total(self._weights, self._block) / self._count
        return staleness

    def action_values(self, log_policy: Array) -> Array:
        """Estimate the marginal rewards, (rows, agents, actions), from the weighted samples."""
        return self._estimates(log_policy).values()

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

    def _used_weights(self) -> Array:
        if self._estimation.weighted:
            return self._weights
        return self._counted.astype(np.float64)

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

    def put_rows(self, rows: Chosen, other: Self) -> None:
        """Overwrite the given rows by those of `other`, which may keep fewer rounds, or more."""
        rounds, other = max(self._rounds, other._rounds), copy.copy(other)
        self._make_room(rounds)
        other._make_room(rounds)
        put_each(self, rows, other)

    @property
    def _rounds(self) -> int:
        """How many rounds there is room for."""
        return self._mixture.size // self._behaviours.size

    def _make_room(self, rounds: int) -> None:
        """Make room for the data of so many rounds; samples that rows lack have no weight."""
        if rounds <= self._rounds:
            return
        places = rounds * self._block
        self._buffer = self._buffer.widened(places)
        self._mixture = self._mixture.widened(rounds * self._behaviours.size)
        self._joint_actions = self._joint_actions.widened(places)
        self._rewards = widened(self._rewards, places, axis=-1)
        self._log_density = widened(self._log_density, places, axis=-1, fill=np.inf)
        self._weights = widened(self._weights, places, axis=-1)
        self._counted = widened(self._counted, places, axis=-1)
        if self._predicted is not None:
            self._predicted = widened(self._predicted, places, axis=-1)
