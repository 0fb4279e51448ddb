"""Sampled mode of Markov games: action values by importance sampling from whole episodes."""

from dataclasses import replace

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience import (
    estimators,
    joint_regression,
    step_models,
    trajectory_estimators,
)
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.contexts import Contexts
from marl_comm.experience.estimation import Estimation
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.mixture import Mixture, widened
from marl_comm.experience.quotient import SMALLEST, Quotient, Signal
from marl_comm.experience.sampled_rounds import SampledRounds
from marl_comm.experience.step_models import StepModels
from marl_comm.experience.trajectory_buffer import TrajectoryBuffer
from marl_comm.rows import Derived, Fixed, record


@record
class SampledTrajectories(SampledRounds[TrajectoryBuffer]):
    """The episodes of each row's latest rounds, and the weights of their steps.

    A step's weight is that of its own decision, or of all decisions of the episode up to it.
    """

    _discount: Fixed[float]
    _contexts: Derived[Contexts]
    _visits: Derived[Array]
    _visits_counted: Derived[Array]  # in each context
    _models: Derived[StepModels | None]

    def __init__(
        self,
        buffer: TrajectoryBuffer,
        behaviours: BasePolicies,
        discount: float | None,
        mixture: Mixture | None = None,
        *,
        measures: bool = True,
    ) -> None:
        """Take over a round's data. See `SampledRounds`.

        Args:
            buffer: The data.
            behaviours: (rows, bases, L, S, m, A).
            discount: Factor on rewards per step; None where the horizon is finite.
            mixture: Who played all data.
            measures: Whether `weigh` tells more.
        """
        super().__init__(buffer, behaviours, mixture, measures=measures)
        self._discount = 1.0 if discount is None else discount

    def prepare(self, estimation: Estimation) -> None:
        """Index the data and compute the densities that no later local update changes."""
        self._estimation = estimation
        buffer, mixture = self._buffer, self._mixture
        _, steps, episodes, _ = buffer.joint_actions.shape
        self._joint_actions, self._contexts = self._index()
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

    def _log_probability(self, log_policy: Array) -> Array:
        """Return that of each decision, or of all decisions up to it, (rows, T, episodes)."""
        steps = self._contexts.now.shape[1]
        if not self._estimation.single_steps:
            return trajectory_estimators.prefix_log_probabilities(
                self._joint_actions, log_policy, steps
            )
        per_step = self._joint_actions.sum_over_agents(log_policy)
        return per_step.reshape(len(per_step), steps, -1)

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
            self._marks,
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

    def _judged_weights(self) -> tuple[Array, int]:
        """Those of all steps, or where weights are those of prefixes, of whole episodes."""
        if not self._estimation.single_steps:
            return self._weights[:, -1], 1
        rows, steps, _ = self._weights.shape
        of_rounds = self._weights.reshape(rows, steps, -1, self._block).swapaxes(1, 2)
        return of_rounds.reshape(rows, -1), steps

    def _count_only(self, base: IntArray) -> None:
        super()._count_only(base)
        self._visits_counted = self._visits[np.arange(len(base)), base]

    def _index(self) -> tuple[JointActions, Contexts]:
        buffer = self._buffer
        _, _, layers, states, _, actions = self._behaviours.log_policies.shape
        rows, steps, episodes, agents = buffer.joint_actions.shape
        contexts = Contexts.of(buffer, states)
        joint_actions = JointActions.of(
            buffer.joint_actions.reshape(rows, steps * episodes, agents),
            actions,
            contexts.now.reshape(rows, -1),
            layers * states,
            block=steps * self._block,
        )
        return joint_actions, contexts

    def _make_room(self, rounds: int) -> None:
        super()._make_room(rounds)
        self._joint_actions, self._contexts = self._index()
        self._visits = widened(self._visits, self._mixture.size, axis=1)
