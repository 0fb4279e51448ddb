"""What each agent's action adds to the reward, estimated for all agents at once.

Others' actions are noise in the mean reward of an action. A regression on all agents' actions
takes off what the others have added, as far as that is a sum over agents.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import AnyArray, Array
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.quotient import SMALLEST, Quotient

_MOST_ITERATIONS = 30
_LEAST_LEFT = 0.1  # of an error, however much the sample has drawn the fit to itself
_NEAR_ENOUGH = 1e-3  # of the gradient at the start


@dataclass(frozen=True)
class Additive:
    """A reward as a sum over agents.

    Attributes:
        parts: x, what each action adds, (rows, ..., agents, actions), contexts in between.
        fitted: Its sum at each sample, (rows, samples).
        found: F, the weight of the samples that took each action, like `parts`.
        leverage: (rows, samples), how far a sample draws the fit to itself, about: what it weighs
            among those that took each of its actions, summed over agents.
    """

    parts: Array
    fitted: Array
    found: Array
    leverage: Array


def fit(joint_actions: JointActions, weights: Array, rewards: Array, ridge: Array) -> Additive:
    """Minimise sum_n W_n (r_n - sum_i x_i(a_i^n))^2 + ridge sum x^2, in each context by itself.

    By conjugate gradients on the normal equations, every step scaled by F + ridge. An iteration
    takes as much time as an estimate without a regression, linear in samples times agents.

    Args:
        joint_actions: The samples, (rows, samples).
        weights: W, (rows, samples).
        rewards: r, (rows, samples), with weighted mean 0 in each context.
        ridge: (rows,), or (rows, contexts) where there are several; positive.

    Returns:
        What is added. Sums over an agent's actions are whatever they come out as.
    """
    shape = (*ridge.shape, joint_actions.agents, joint_actions.actions)

    def totals(each: Array) -> Array:
        return joint_actions.total_per_action(each).reshape(shape)

    found = totals(weights)
    penalty = ridge[..., None, None]
    scale = found + penalty

    left = totals(weights * rewards)
    parts = np.zeros_like(left)
    direction = left / scale
    slope = _product(left, direction)
    goal = _NEAR_ENOUGH**2 * slope
    for _ in range(_MOST_ITERATIONS):
        # What is done stays as it is, whatever other rows and contexts still need.
        going = slope > goal
        if not going.any():
            break
        along = joint_actions.sum_over_agents(direction)
        back = totals(weights * along) + penalty * direction
        curvature = _product(direction, back)
        step = np.divide(slope, curvature, out=np.zeros_like(slope), where=going & (curvature > 0))[
            ..., None, None
        ]
        parts = parts + step * direction
        left = left - step * back
        before, slope = slope, np.where(going, _product(left, left / scale), slope)
        ratio = np.divide(slope, before, out=np.zeros_like(slope), where=before > 0)
        direction = left / scale + ratio[..., None, None] * direction
    fitted, leverage = (joint_actions.sum_over_agents(each) for each in (parts, 1.0 / scale))
    return Additive(parts, fitted, found, weights * leverage)


def _product(one: Array, other: Array) -> Array:
    return np.asarray((one * other).sum(axis=(-2, -1)))


def action_values(
    joint_actions: JointActions,
    weights: Array,
    rewards: Array,
    values: Array,
    policy: Array,
    samples: AnyArray,
    of_contexts: Callable[[Array], Array],
) -> Quotient:
    """Estimate action values: v plus what the agent's own action adds.

    With x the regression of r - v on all agents' actions, weighted by W, a ridge of one effective
    sample, sum W^2 / sum W, and F and N pi_i(a) the weight found with an action and that expected:

        v + (x_i(a) - sum_b pi_i(b) x_i(b)) min(1, F / N pi_i(a))
          + sum_n W_n (r_n - v - sum_j x_j(a_j^n)) 1{a_i^n = a} / max(F, N pi_i(a))

    Where x is exact, g_i(a) - v is its centred value, and the last line, which takes back what the
    ridge has held back, is 0. Where data no longer cover the policy, the estimate is v, as that of
    the `bounded` estimator is.

    Args:
        joint_actions: The samples, (rows, samples).
        weights: W, (rows, samples), 0 where there is no sample.
        rewards: r - v, (rows, samples).
        values: v, (rows,) or (rows, contexts).
        policy: (rows, agents, actions) or (rows, contexts, agents, actions).
        samples: N, like `values`.
        of_contexts: Sums of (rows, samples) over the samples of each context, like `values`.

    Returns:
        With values like `policy`.
    """
    largest = weights.max(axis=1, keepdims=True)
    scale = np.where(largest > 0, largest, 1.0)  # cancels; keeps squares from overflow
    weights = weights / scale
    total = of_contexts(weights)
    ridge = np.divide(of_contexts(weights**2), total, out=np.ones_like(total), where=total > 0)
    additive = fit(joint_actions, weights, rewards, np.maximum(ridge, SMALLEST))
    scale = scale.reshape(-1, *(1,) * (policy.ndim - 1))
    with np.errstate(over="ignore"):  # infinitely more expected than found: back to v
        expected = policy * samples[..., None, None] / scale
    covered = np.divide(additive.found, expected, out=np.zeros_like(expected), where=expected > 0)
    mean = (policy * additive.parts).sum(axis=-1, keepdims=True)
    offset = values[..., None, None] + (additive.parts - mean) * np.minimum(1.0, covered)
    divisor = np.where(additive.found > 0, np.maximum(additive.found, expected), 0.0)
    errors = weights * (rewards - additive.fitted)
    unseen = errors / np.sqrt(np.maximum(1.0 - additive.leverage, _LEAST_LEFT))
    return Quotient(joint_actions, errors, divisor, offset, unseen)
