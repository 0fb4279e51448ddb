"""Sampled mode of Markov games: action values by importance sampling from whole episodes."""

import copy
from dataclasses import replace
from typing import Self

import numpy as np

from marl_comm.arrays import Array, BoolArray, IntArray
from marl_comm.experience import (
    estimators,
    joint_regression,
    step_models,
    trajectory_estimators,
)
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.estimation import Estimation
from marl_comm.experience.experience import Staleness, Traffic
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.mixture import Mixture, widened
from marl_comm.experience.oracle import nearest_base
from marl_comm.experience.quotient import SMALLEST, Quotient, Signal
from marl_comm.experience.step_models import StepModels
from marl_comm.experience.trajectory_buffer import TrajectoryBuffer
from marl_comm.experience.trajectory_estimators import Contexts
from marl_comm.rows import Chosen, Derived, Fixed, Rows, put_each, record, take


@record
class SampledTrajectories:
    """The episodes of each row's latest rounds, and the weights of their steps.

    A step's weight is that of its own decision, or of all decisions of the episode up to it.
    """

    _buffer: Rows[TrajectoryBuffer]
    _behaviours: Rows[BasePolicies]
    _mixture: Rows[Mixture]
    _discount: Fixed[float]
    _block: Fixed[int]
    _estimation: Fixed[Estimation]
    _measures: Fixed[bool]
    _contexts: Derived[Contexts]
    _visits: Derived[Array]
    _joint_actions: Derived[JointActions]
    _rewards: Derived[Array]
    _log_density: Derived[Array]
    _weights: Derived[Array]
    _models: Derived[StepModels | None]
    _predicted: Derived[Array | None]
    _counted: Derived[BoolArray]  # which episodes count: all, or those of one base
    _count: Derived[IntArray]
    _visits_counted: Derived[Array]  # in each context

    def __init__(
        self,
        buffer: TrajectoryBuffer,
        behaviours: BasePolicies,
        discount: float | None,
        mixture: Mixture | None = None,
        *,
        measures: bool = True,
    ) -> None:
        """Take over a round's data.

        Args:
            buffer: The data, ordered by behaviour policy.
            behaviours: The policies that played the latest round, exploration included,
                (rows, bases, L, S, m, A).
            discount: Factor on rewards per step; None where the horizon is finite.
            mixture: Who played all data, where they are of several rounds.
            measures: Whether `weigh` tells more of staleness than the effective sample size.
        """
        self._measures = measures
        self._buffer = buffer
        self._behaviours = behaviours
        self._discount = 1.0 if discount is None else discount
        episodes = buffer.joint_actions.shape[2]
        self._mixture = mixture or Mixture.of_round(behaviours, episodes)
        self._block = episodes // self._rounds

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
        _, steps, episodes, _ = buffer.joint_actions.shape
        self._joint_actions, self._contexts = self._index(buffer)
        rewards = buffer.rewards.astype(np.float64)
        self._rewards = (
            np.ascontiguousarray(np.moveaxis(rewards, 3, 1))
            if rewards.ndim == 4
            else rewards[:, None]
        )
        self._visits = self._contexts.visits(mixture.base_of_sample(episodes), mixture.size)
        if estimation.own_base:
            self._log_density = mixture.of_own_base(self._log_probability, episodes)
        elif estimation.single_steps:
            self._log_density = trajectory_estimators.step_log_densities(
                self._joint_actions, self._contexts, mixture.log_policies, self._visits
            )
        else:
            self._log_density = trajectory_estimators.prefix_log_densities(
                self._joint_actions, mixture.log_policies, mixture.samples, steps
            )
        self._counted, self._count = mixture.present(episodes), mixture.total
        self._visits_counted = self._visits.sum(axis=1)
        absent = ~self._counted
        self._log_density[np.broadcast_to(absent[:, None], self._log_density.shape)] = np.inf
        self._weights = np.ones(self._log_density.shape)
        self._models = self._predicted = None
        if estimation.models:
            self._models, self._predicted = StepModels.fitted(
                buffer.joint_actions,
                self._contexts,
                self._rewards,
                ~absent,
                mixture.log_policies.shape[-1],
                self._discount,
            )

    def reweigh(self, log_policy: Array, update: IntArray | None = None) -> IntArray | None:
        """Compute and remember the importance weights of `log_policy`, (rows, L, S, m, A).

        Returns:
            (rows,), the base whose data count, where it is one.
        """
        own = None
        if self._estimation.own_base:
            own = self._behaviours.of_update(update)
            self._counted, self._count = self._mixture.of_base(own, self._counted.shape[1])
            self._visits_counted = self._visits[np.arange(len(own)), own]
        log_target = self._log_probability(log_policy)
        self._weights = estimators.importance_weights(log_target, self._log_density)
        if own is not None:
            self._weights *= self._counted[:, None]
        return own

    def weigh(self, log_policy: Array, update: IntArray | None = None) -> Staleness:
        """Compute the importance weights of `log_policy`, and how stale they show the data to be.

        The effective sample size is that of all steps, or where weights are those of prefixes,
        that of whole episodes. See `reweigh`.
        """
        own = self.reweigh(log_policy, update)
        staleness = (
            nearest_base(log_policy, self._behaviours, self.divergences, own)
            if self._measures
            else Staleness.unknown(len(log_policy))
        )
        counted, block, samples = self._weights[:, -1], self._block, self._count
        if self._estimation.single_steps:
            counted, steps = self._by_round(self._weights), self._weights.shape[1]
            block, samples = steps * block, steps * samples
        staleness.ess = estimators.effective_sample_size(counted, block)
        if own is not None:
            staleness.ess *= block / samples
        if self._measures:
            staleness.mean_weight = estimators.total(counted, block) / samples
        return staleness

    def _log_probability(self, log_policy: Array) -> Array:
        """Return that of each decision, or of all decisions up to it, (rows, T, episodes)."""
        steps = self._contexts.now.shape[1]
        if not self._estimation.single_steps:
            return trajectory_estimators.prefix_log_probabilities(
                self._joint_actions, log_policy, steps
            )
        per_step = self._joint_actions.sum_over_agents(log_policy)
        return per_step.reshape(len(per_step), steps, -1)

    def action_values(self, log_policy: Array) -> Array:
        """Estimate the action values, (rows, L, S, m, A), from the weighted episodes."""
        return self._estimates(log_policy).values()

    def signal(self, log_policy: Array) -> Signal:
        """Return the estimates, and how much of them may be noise."""
        estimates = self._estimates(log_policy)
        visits = self._visits_counted.reshape(log_policy.shape[:3])
        share = visits / visits.sum(axis=(1, 2), keepdims=True)
        return Signal.of(estimates.values(), estimates.variances(), log_policy, share)

    def model_values(self, log_policy: Array) -> Array:
        """Say that no model says more than what was played; who wants more has been refused."""
        raise TypeError("the model is of the values of what was played")

    def value(self, log_policy: Array) -> Array:
        """Return the weighted mean reward of a step, over the agents where each has its own."""
        weights = self._used_weights()
        weight = np.maximum(weights.sum(axis=(1, 2)), SMALLEST)
        return np.asarray((weights[:, None] * self._rewards).mean(axis=1).sum(axis=(1, 2)) / weight)

    def _used_weights(self) -> Array:
        if self._estimation.weighted:
            return self._weights
        return np.asarray(self._counted[:, None] * np.ones_like(self._weights))

    def _estimates(self, log_policy: Array) -> Quotient:
        asked = self._estimation
        weights = self._used_weights()
        if asked.estimator == "truncated":
            weights = np.minimum(weights, asked.truncation)
        values = trajectory_estimators.context_values(
            self._contexts, weights, self._rewards, self._discount
        )
        visits = self._visits_counted
        if self._models is not None:
            return self._doubly_robust(weights, values, log_policy, visits)
        if asked.in_force == "joint":
            return self._joint_estimates(weights, values, log_policy, visits)
        return trajectory_estimators.action_values(
            self._joint_actions,
            self._contexts,
            weights,
            self._rewards,
            values,
            log_policy,
            visits,
            self._counted[:, None],
            self._discount,
            asked.in_force,
        )

    def _joint_estimates(
        self, weights: Array, values: Array, log_policy: Array, visits: Array
    ) -> Quotient:
        """Return the joint regression of one-step errors in each context."""
        rows, shape = len(weights), log_policy.shape
        errors = self._contexts.gains(values, self._discount) + self._rewards
        estimates = joint_regression.action_values(
            self._joint_actions,
            weights.reshape(rows, -1),
            errors.reshape(rows, -1),
            values[:, 0],
            np.exp(log_policy).reshape(rows, -1, *shape[-2:]),
            visits,
            lambda each: self._contexts.total(each.reshape(rows, 1, *weights.shape[1:]))[:, 0],
        )
        divisor, offset = estimates.divisor.reshape(shape), estimates.offset.reshape(shape)
        return replace(estimates, divisor=divisor, offset=offset)

    def _doubly_robust(
        self, weights: Array, values: Array, log_policy: Array, visits: Array
    ) -> Quotient:
        """Return the estimates that rest on the models of each context."""
        assert self._models is not None
        assert self._predicted is not None
        shape = log_policy.shape
        policy = np.exp(log_policy).reshape(len(weights), -1, *shape[-2:])
        estimates = step_models.action_values(
            self._joint_actions,
            self._contexts,
            weights,
            self._contexts.gains(values, self._discount) + self._rewards,
            values,
            policy,
            visits,
            self._predicted,
            self._models.values(policy, own=self._rewards.shape[1] > 1),
        )
        divisor, offset = estimates.divisor.reshape(shape), estimates.offset.reshape(shape)
        return replace(estimates, divisor=divisor, offset=offset)

    def divergences(self, rows: IntArray, log_policy: Array, log_bases: Array) -> Array:
        """Estimate divergences from the contexts that agents have seen, (rows, bases).

        Where steps have weights of their own, the logarithm of the mean over all steps of
        exp(divergence of the joint action): the log-inflation of their second moment. Otherwise
        the sum over an episode's decisions, averaged over the episodes: what is known without a
        model of how the state moves, and exact where states come in the same order in every one.
        """
        per_context = estimators.renyi_divergence(log_policy[:, None], log_bases)
        per_context = per_context.reshape(*per_context.shape[:2], -1)
        visits = self._visits[rows].sum(axis=1)
        if self._estimation.single_steps:
            return estimators.pooled_divergence(per_context, visits[:, None])
        episodes = self._mixture.total[rows, None]
        return np.asarray(np.einsum("rbc,rc->rb", per_context, visits / episodes))

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

    def _by_round(self, values: Array) -> Array:
        """Return values of steps, (rows, T, episodes), with those of a round together."""
        rows, steps, _ = values.shape
        parts = values.reshape(rows, steps, -1, self._block).swapaxes(1, 2)
        return parts.reshape(rows, -1)

    def _index(self, buffer: TrajectoryBuffer) -> tuple[JointActions, Contexts]:
        _, _, layers, states, _, actions = self._behaviours.log_policies.shape
        rows, steps, episodes, agents = buffer.joint_actions.shape
        contexts = _contexts(buffer, states)
        joint_actions = JointActions.of(
            buffer.joint_actions.reshape(rows, steps * episodes, agents),
            actions,
            contexts.now.reshape(rows, -1),
            layers * states,
            block=steps * self._block,
        )
        return joint_actions, contexts

    def _make_room(self, rounds: int) -> None:
        """Make room for the data of so many rounds; samples that rows lack have no weight."""
        if rounds <= self._rounds:
            return
        episodes = rounds * self._block
        self._buffer = self._buffer.widened(episodes)
        self._mixture = self._mixture.widened(rounds * self._behaviours.size)
        self._joint_actions, self._contexts = self._index(self._buffer)
        self._rewards = widened(self._rewards, episodes, axis=-1)
        self._log_density = widened(self._log_density, episodes, axis=-1, fill=np.inf)
        self._weights = widened(self._weights, episodes, axis=-1)
        self._counted = widened(self._counted, episodes, axis=-1)
        self._visits = widened(self._visits, self._mixture.size, axis=1)
        if self._predicted is not None:
            self._predicted = widened(self._predicted, episodes, axis=-1)


def _contexts(buffer: TrajectoryBuffer, states: int) -> Contexts:
    """Return the contexts: the state, and where episodes have a last step, the step as well."""
    steps = buffer.joint_actions.shape[1]
    state = buffer.states.astype(np.int64)
    if state.shape[1] > steps:
        # Of games without an end: the state after the last action only appears as a next context.
        return Contexts(state[:, :-1], state[:, 1:], states, ordered=False)
    now = state + (np.arange(steps) * states)[:, None]
    following = np.concatenate([now[:, 1:], np.full_like(now[:, :1], -1)], axis=1)
    return Contexts(now, following, steps * states, ordered=True)
