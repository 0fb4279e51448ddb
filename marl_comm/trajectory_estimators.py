"""Importance weights of trajectories, and what they estimate in games over time.

Pure functions of arrays whose first axis runs over seeds ("rows"). Rows never mix. Samples are the
steps of E episodes of T steps each, in arrays (rows, T, E) or flattened to (rows, T * E). A context
is what a policy looks at: the state, and in games with a finite horizon the step.
"""

from dataclasses import dataclass

import numpy as np

from marl_comm.estimators import Estimator
from marl_comm.joint_actions import JointActions
from marl_comm.types import Array, IntArray


@dataclass
class Contexts:
    """Where each sample was taken.

    Attributes:
        now: (rows, T, E), the context of each step, in 0, ..., count - 1.
        next: (rows, T, E), the context of the step after; -1 where the game is over by then.
        count: C.
    """

    now: IntArray
    next: IntArray
    count: int

    def keep(self, rows: IntArray) -> "Contexts":
        """Return a copy of the given rows."""
        return Contexts(self.now[rows], self.next[rows], self.count)

    def replace(self, rows: IntArray, other: "Contexts") -> None:
        """Overwrite the given rows by the rows of `other`."""
        self.now[rows] = other.now
        self.next[rows] = other.next

    def total(self, values: Array) -> Array:
        """Return the sums of `values` (rows, k, T, E) over the samples of each context.

        Returns:
            (rows, k, C).
        """
        rows, kinds = values.shape[:2]
        place = (self.now + (np.arange(rows) * self.count)[:, None, None]).ravel()
        totals = np.empty((rows, kinds, self.count))
        for kind in range(kinds):
            of_kind = values[:, kind].ravel()
            sums = np.bincount(place, of_kind, minlength=rows * self.count)
            totals[:, kind] = sums.reshape(rows, self.count)
        return totals

    def gains(self, values: Array, discount: float) -> Array:
        """Return discount * value of the next context - value of this one, (rows, k, T, E).

        Args:
            values: (rows, k, C).
            discount: Factor per step.
        """
        return discount * _at(values, self.next) * (self.next >= 0)[:, None] - _at(values, self.now)


def _at(values: Array, context: IntArray) -> Array:
    rows, kinds, _ = values.shape
    taken = np.take_along_axis(values, context.reshape(rows, 1, -1), axis=2)
    return taken.reshape(rows, kinds, *context.shape[1:])


def prefix_log_probabilities(joint_actions: JointActions, log_policy: Array, steps: int) -> Array:
    """Return the log-probability of all actions of an episode up to each step, (rows, T, E).

    Args:
        joint_actions: The samples, (rows, T * E), in context.
        log_policy: (rows, ..., agents, actions), the axes between being those of the contexts.
        steps: T.
    """
    per_step = joint_actions.sum_over_agents(log_policy)
    per_step = per_step.reshape(len(per_step), steps, -1)
    return np.cumsum(per_step, axis=1, out=per_step)


def prefix_log_densities(
    joint_actions: JointActions, log_behaviours: Array, episodes_per_base: IntArray, steps: int
) -> Array:
    """Return log sum_b c_b prod_{t' <= t} b(a_t' | s_t'), the balance heuristic on prefixes.

    The probabilities of states are the same whoever plays, and cancel in importance weights. A
    sum over whole policies, not a product of sums per step: an episode has one behaviour policy.

    Args:
        joint_actions: The samples, (rows, T * E), in context.
        log_behaviours: (rows, bases, ..., agents, actions); bases without episodes are ignored.
        episodes_per_base: (rows, bases); each row sums to E.
        steps: T.

    Returns:
        (rows, T, E).
    """
    rows, samples = joint_actions.shape
    with np.errstate(divide="ignore"):
        log_share = np.log(episodes_per_base / episodes_per_base.sum(axis=1, keepdims=True))
    densities = np.full((rows, steps, samples // steps), -np.inf)
    for base in range(log_behaviours.shape[1]):
        if episodes_per_base[:, base].any():
            prefix = prefix_log_probabilities(joint_actions, log_behaviours[:, base], steps)
            np.logaddexp(densities, prefix + log_share[:, base, None, None], out=densities)
    return densities


def returns_to_go(rewards: Array, discount: float) -> Array:
    """Return sum_{u >= t} discount^(u - t) r_u of every step.

    Args:
        rewards: (rows, k, T, E).
        discount: Factor per step.
    """
    returns = np.array(rewards)
    for step in reversed(range(rewards.shape[2] - 1)):
        returns[:, :, step] += discount * returns[:, :, step + 1]
    return returns


def context_values(
    contexts: Contexts, weights: Array, returns: Array, discount: float
) -> Array:
    """Estimate the value of each context: the self-normalised mean of the returns from there on.

    Episodes that are broken off, the game not being over, go on with the estimate for the context
    they stop in, which makes the estimates the solution of a linear system. A context without
    (weighted) visits is given the mean of all.

    Args:
        contexts: Of the samples.
        weights: (rows, E), importance weights of whole episodes.
        returns: (rows, k, T, E), `returns_to_go`.
        discount: Factor per step.

    Returns:
        (rows, k, C).
    """
    rows, _, steps, episodes = returns.shape
    largest = weights.max(axis=1, keepdims=True)
    scaled = weights / np.where(largest > 0, largest, 1.0)
    per_sample = np.broadcast_to(scaled[:, None, None], (rows, 1, steps, episodes))
    seen = contexts.total(per_sample)
    sums = contexts.total(per_sample * returns)
    everywhere = np.maximum(seen.sum(axis=-1), np.finfo(np.float64).tiny)
    mean = np.repeat((sums.sum(axis=-1) / everywhere)[..., None], contexts.count, axis=-1)
    values = np.divide(sums, seen, out=mean, where=seen > 0)
    last = contexts.next[:, -1]
    if (last < 0).all():
        return values
    # carried[c, d]: weight that an estimate for c gives to the value of the last context d.
    remaining = scaled[:, None] * (discount ** np.arange(steps, 0, -1.0))[:, None]
    pair = (np.arange(rows)[:, None, None] * contexts.count + contexts.now) * contexts.count
    size = (rows, contexts.count, contexts.count)
    carried = np.bincount((pair + last[:, None]).ravel(), remaining.ravel(), np.prod(size))
    carried = carried.reshape(size)
    np.divide(carried, seen[:, 0, :, None], out=carried, where=seen[:, 0, :, None] > 0)
    system = np.eye(contexts.count) - carried
    return np.asarray(np.linalg.solve(system, values.swapaxes(1, 2)).swapaxes(1, 2))


def action_values(
    joint_actions: JointActions,
    contexts: Contexts,
    weights: Array,
    rewards: Array,
    values: Array,
    log_policy: Array,
    estimator: Estimator,
    truncation: float,
    discount: float,
) -> Array:
    """Estimate Q_i(c, a) = E[return from here on | context c, a_i = a], others as they now play.

    With W_t the weights of prefixes, V any estimate of the contexts' values and
    d_u = r_u + discount V(next context) - V(context), every sample contributes

        G_t = sum_{u >= t} discount^(u - t) W_u d_u,

    each reward weighed by the decisions up to it alone (per-decision importance sampling, Precup,
    Sutton & Singh 2000) and with V as a control variate (Jiang & Li 2016; Thomas & Brunskill 2016),
    which is idle where all weights are 1. Summed over the samples in context c with a_i = a:

    - `self_normalised`: V(c) + sum G / sum W; an action that no sample took is given V(c).
    - `ordinary`: V(c) + sum G / (pi_i(a|c) sum of W_{t-1} over all samples in context c).
    - `truncated`: the same with weights capped at `truncation`.

    Args:
        joint_actions: The samples, (rows, T * E), in context.
        contexts: Of the samples.
        weights: (rows, T, E), of prefixes.
        rewards: (rows, k, T, E): k = 1 for a team reward, else one per agent.
        values: V, (rows, k, C).
        log_policy: (rows, L, S, agents, actions), the current policy, L * S = C.
        estimator: Which of the three.
        truncation: Largest weight, used by `truncated` only.
        discount: Factor per step.

    Returns:
        (rows, L, S, agents, actions).
    """
    rows, kinds, steps, episodes = rewards.shape
    if estimator == "truncated":
        weights = np.minimum(weights, truncation)
    if estimator == "self_normalised":
        # The scale of the weights cancels: keep the products away from overflow.
        largest = weights.max(axis=(1, 2), keepdims=True)
        weights = weights / np.where(largest > 0, largest, 1.0)
    errors = contexts.gains(values, discount)
    errors += rewards
    errors *= weights[:, None]
    ahead = returns_to_go(errors, discount).reshape(rows, kinds, -1)
    numerator = joint_actions.total_per_action(ahead[:, 0] if kinds == 1 else ahead)
    if estimator == "self_normalised":
        seen = joint_actions.total_per_action(weights.reshape(rows, -1))
    else:
        before = np.concatenate([np.ones((rows, 1, episodes)), weights[:, :-1]], axis=1)
        visits = contexts.total(before[:, None])[:, 0].reshape(*log_policy.shape[:3], 1, 1)
        seen = np.exp(log_policy) * visits
    numerator = numerator.reshape(log_policy.shape)
    seen = seen.reshape(log_policy.shape)
    advantage = np.divide(numerator, seen, out=np.zeros_like(numerator), where=seen > 0)
    offset = values.reshape(rows, kinds, *log_policy.shape[1:3])
    return np.asarray(np.moveaxis(offset, 1, -1)[..., None] + advantage)
