"""Sampled mode of games over time: action values by importance sampling from whole episodes."""

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience import estimators, trajectory_estimators
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.estimators import Estimator
from marl_comm.experience.experience import Staleness, Traffic
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.oracle import nearest_base
from marl_comm.experience.trajectory_buffer import TrajectoryBuffer
from marl_comm.experience.trajectory_estimators import Contexts
from marl_comm.rows import Derived, Fixed, Rows, record


@record
class SampledTrajectories:
    """The episodes of each row's latest round, and the weights of all their prefixes."""

    _buffer: Rows[TrajectoryBuffer]
    _bases: Rows[BasePolicies]
    _discount: Fixed[float]
    _contexts: Derived[Contexts]
    _joint_actions: Derived[JointActions]
    _rewards: Derived[Array]
    _log_density: Derived[Array]
    _weights: Derived[Array]
    _visits: Derived[Array]

    def __init__(
        self, buffer: TrajectoryBuffer, behaviours: BasePolicies, discount: float | None
    ) -> None:
        """Index the buffer and compute the densities that no later local update changes.

        Args:
            buffer: The data, ordered by behaviour policy.
            behaviours: The policies that played, exploration included, (rows, bases, L, S, m, A).
            discount: Factor on rewards per step; None where the horizon is finite.
        """
        _, _, layers, states, _, actions = behaviours.log_policies.shape
        rows, steps, episodes, agents = buffer.joint_actions.shape
        self._buffer = buffer
        self._bases = behaviours
        self._discount = 1.0 if discount is None else discount
        self._contexts = _contexts(buffer, states)
        self._joint_actions = JointActions.of(
            buffer.joint_actions.reshape(rows, steps * episodes, agents),
            actions,
            self._contexts.now.reshape(rows, -1),
            layers * states,
        )
        rewards = buffer.rewards.astype(np.float64)
        self._rewards = (
            np.ascontiguousarray(np.moveaxis(rewards, 3, 1))
            if rewards.ndim == 4
            else rewards[:, None]
        )
        self._log_density = trajectory_estimators.prefix_log_densities(
            self._joint_actions,
            behaviours.log_policies,
            behaviours.samples_per_base(episodes),
            steps,
        )
        self._weights = np.ones(self._log_density.shape)
        # How often an average episode decides in each state.
        ones = np.ones((rows, 1, steps, episodes))
        self._visits = (self._contexts.total(ones) / episodes).reshape(rows, layers, states)

    @property
    def bases(self) -> BasePolicies:
        """The behaviour policies of the round."""
        return self._bases

    @property
    def traffic(self) -> Traffic:
        """What the round cost, per row."""
        return self._buffer.traffic

    def weigh(self, log_policy: Array) -> Staleness:
        """Compute and remember the importance weights of `log_policy`, (rows, L, S, m, A).

        The effective sample size is that of whole episodes.
        """
        log_target = trajectory_estimators.prefix_log_probabilities(
            self._joint_actions, log_policy, self._log_density.shape[1]
        )
        self._weights = estimators.importance_weights(log_target, self._log_density)
        staleness = nearest_base(log_policy, self._bases, self.divergences)
        staleness.ess = estimators.effective_sample_size(self._weights[:, -1])
        return staleness

    def action_values(
        self, log_policy: Array, *, weighted: bool, estimator: Estimator, truncation: float
    ) -> Array:
        """Estimate the action values, (rows, L, S, m, A), from the weighted episodes."""
        weights = self._weights if weighted else np.ones_like(self._weights)
        if estimator == "truncated":
            weights = np.minimum(weights, truncation)
        values = trajectory_estimators.context_values(
            self._contexts, weights, self._rewards, self._discount
        )
        return trajectory_estimators.action_values(
            self._joint_actions,
            self._contexts,
            weights,
            self._rewards,
            values,
            log_policy,
            self._discount,
            self_normalised=estimator == "self_normalised",
        )

    def divergences(self, rows: IntArray, log_policy: Array, log_bases: Array) -> Array:
        """Estimate the divergences of trajectories from the states that agents have seen.

        The sum over an episode's decisions of the divergence of the joint action, averaged over the
        visited states: what is known without a model of how the state moves. Exact where states
        come in the same order in every episode, (rows, bases).
        """
        per_state = estimators.renyi_divergence(log_policy[:, None], log_bases)
        return np.asarray(np.einsum("rbls,rls->rb", per_state, self._visits[rows]))


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
