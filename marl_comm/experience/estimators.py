"""Importance weights, effective sample size, divergences and marginal-reward estimates.

Pure functions of arrays whose first axis runs over seeds ("rows"). Rows never mix.
"""

from typing import Literal

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.quotient import Quotient

Estimator = Literal[
    "bounded", "self_normalised", "ordinary", "truncated", "joint", "doubly_robust", "model"
]

SELF_NORMALISING = ("bounded", "self_normalised", "joint", "doubly_robust", "model")
"""Estimators that divide by weights found, and so may use the weights of single steps."""

MODELLING = ("doubly_robust", "model")
"""Estimators that fit a model of rewards."""

_LARGEST_LOG_WEIGHT = 600.0  # exp stays finite, and so does the square of a mean of such weights


def log_mixture_density(
    joint_actions: JointActions, log_behaviours: Array, samples_per_base: IntArray
) -> Array:
    """Return log sum_b c_b prod_j b_j(a_j) of every sample: the balance heuristic's denominator.

    Veach & Guibas (1995), "Optimally combining sampling techniques", for a fixed number of
    samples from each technique.

    Args:
        joint_actions: The samples, (rows, samples).
        log_behaviours: (rows, bases, agents, actions); bases without samples are ignored.
        samples_per_base: (rows, bases); each row sums to the number of samples.

    Returns:
        (rows, samples).
    """
    with np.errstate(divide="ignore"):
        log_share = np.log(samples_per_base / samples_per_base.sum(axis=1, keepdims=True))
    density = np.full(joint_actions.shape, -np.inf)
    for base in range(log_behaviours.shape[1]):
        if samples_per_base[:, base].any():
            log_probability = joint_actions.sum_over_agents(log_behaviours[:, base])
            np.logaddexp(density, log_probability + log_share[:, base, None], out=density)
    return density


def importance_weights(log_target: Array, log_density: Array) -> Array:
    """Return W = target / density of every sample, capped where it would overflow.

    Args:
        log_target: (rows, samples), log-probability of each sample under the current policy.
        log_density: (rows, samples), of the distribution that the samples came from.
    """
    log_weights = np.subtract(log_target, log_density)
    np.minimum(log_weights, _LARGEST_LOG_WEIGHT, out=log_weights)
    return np.exp(log_weights, out=log_weights)


def total(values: Array, block: int) -> Array:
    """Return the sums over the last axis, block by block: zeros at the end change no bit.

    Args:
        values: (..., blocks * block).
        block: Entries of a block, such as the samples of a round.
    """
    blocks = values.reshape(*values.shape[:-1], -1, block).sum(axis=-1)
    if blocks.shape[-1] > 1:
        blocks = np.cumsum(blocks, axis=-1)
    return np.asarray(blocks[..., -1])


def effective_sample_size(weights: Array, block: int) -> Array:
    """Return (sum W)^2 / (n sum W^2) of each row; 0 where all weights are 0.

    Kong (1992); as a share of a round's n samples, how many independent ones the weighted ones
    are worth: at most 1 for the samples of one round. It compares weights with each other: all of
    them may be far too small without its seeing it, which the mean weight shows.

    Args:
        weights: (rows, samples), not negative; those of several rounds one after another.
        block: n.
    """
    # Dividing by the largest weight first keeps the squares finite.
    largest = weights.max(axis=1)
    scaled = weights / np.where(largest > 0, largest, 1.0)[:, None]
    sums = total(scaled, block)
    squares = total(np.square(scaled, out=scaled), block)
    return np.asarray(
        np.divide(sums**2, block * squares, out=np.zeros_like(sums), where=squares > 0)
    )


def renyi_divergence(log_policy: Array, log_base: Array) -> Array:
    """Return the Renyi-2 divergence D2(policy || base) of product policies.

    D2 = log E_base[(policy/base)^2] = sum_j log sum_a policy_j(a)^2 / base_j(a), which is the
    log-inflation of the second moment of importance weights, exp(-D2) being the effective
    sample size of infinitely many samples.

    Args:
        log_policy: (..., agents, actions).
        log_base: Broadcasts against `log_policy`.

    Returns:
        (...), never negative.
    """
    second_moment = np.exp(2.0 * log_policy - log_base).sum(axis=-1)
    return np.asarray(np.maximum(np.log(second_moment).sum(axis=-1), 0.0))


def pooled_divergence(divergences: Array, visits: Array) -> Array:
    """Return log of the mean of exp(divergence) over visits: as if their samples were one set.

    Args:
        divergences: (..., contexts), Renyi-2 divergences.
        visits: How often each context is visited, broadcasts against them; somewhere positive.

    Returns:
        (...), never negative.
    """
    divergences = np.where(visits > 0, divergences, 0.0)
    largest = divergences.max(axis=-1, keepdims=True)
    moments = (visits * np.exp(divergences - largest)).sum(axis=-1)
    pooled = np.log(moments / visits.sum(axis=-1)) + largest[..., 0]
    return np.asarray(np.maximum(pooled, 0.0))


def value_estimate(weights: Array, rewards: Array, samples: IntArray, block: int) -> Array:
    """Return the self-normalised estimate of the expected reward.

    Args:
        weights: (rows, places).
        rewards: (rows, places), or (rows, agents, places) where each agent has its own; 0 where
            there is no sample.
        samples: (rows,), how many there are.
        block: Samples of a round.

    Returns:
        (rows,), or (rows, agents). Where all weights are 0, the plain mean of the rewards.
    """
    if rewards.ndim == 3:
        weights, samples = weights[:, None], samples[:, None]
    weight = total(weights, block)
    estimate = np.asarray(total(rewards, block) / samples)
    np.divide(total(weights * rewards, block), weight, out=estimate, where=weight > 0)
    return estimate


def marginal_rewards(
    joint_actions: JointActions,
    weights: Array,
    rewards: Array,
    log_policy: Array,
    estimator: Estimator,
    truncation: float,
    baseline: Array,
    samples: IntArray,
) -> Quotient:
    """Estimate g_i(a) = E[r_i | a_i = a], the others playing the current policy.

    With v the baseline, W the weights of the joint policy, F = sum_n W_n 1{a_i^n = a} the weight
    found with an action and N pi_i(a) the weight expected, its mean:

    - `bounded`: v + sum_n W_n (r_n - v) 1{a_i^n = a} / max(F, N pi_i(a)). Never outside the range
      of the rewards; goes back to v where the samples no longer cover the policy. Consistent,
      biased towards v.
    - `self_normalised`: v + sum_n W_n (r_n - v) 1{a_i^n = a} / F; an action that no sample took
      (or only with weight 0) is given v. Consistent, biased of order 1/N. Weights that shrink
      together, as when identical agents move together, cancel, and with them their warning.
    - `ordinary`: v + sum_n W_n (r_n - v) 1{a_i^n = a} / (N pi_i(a)). Unbiased when v does not
      depend on the samples.
    - `truncated`: the same with min(W_n, truncation): biased towards v, variance bounded.

    Args:
        joint_actions: The samples, (rows, places).
        weights: (rows, places), 0 where there is no sample.
        rewards: (rows, places), or (rows, agents, places).
        log_policy: (rows, agents, actions), the current policy.
        estimator: Which of the four; those with a model are `bounded` here.
        truncation: Largest weight, used by `truncated` only.
        baseline: (rows,), or (rows, agents) where rewards are per agent.
        samples: (rows,), N.

    Returns:
        With values (rows, agents, actions).
    """
    if estimator == "truncated":
        weights = np.minimum(weights, truncation)
    shared = rewards.ndim == 2
    expected: Array = np.exp(log_policy) * samples[:, None, None]
    if estimator in SELF_NORMALISING:
        weights, scale = _kept_from_overflow(weights)
        with np.errstate(over="ignore"):  # infinitely more expected than found: back to v
            expected = expected / scale[..., None]
    centred = rewards - baseline[..., None]
    centred *= weights if shared else weights[:, None]
    offset = baseline[:, None, None] if shared else baseline[..., None]
    divisor = expected
    if estimator in SELF_NORMALISING:
        found = joint_actions.total_per_action(weights)
        divisor = found if estimator == "self_normalised" else np.maximum(found, expected)
        divisor = np.where(found > 0, divisor, 0.0)
    return Quotient(joint_actions, centred, divisor, offset)


def doubly_robust_rewards(
    joint_actions: JointActions,
    weights: Array,
    rewards: Array,
    log_policy: Array,
    predicted: Array,
    model_values: Array,
    samples: IntArray,
    block: int,
) -> Quotient:
    """Estimate marginal rewards from a model of rewards, and from what it leaves unexplained.

    Doubly robust (Dudik, Langford & Li 2011), with a brake and a factor: with f the model and r'
    = r - beta f, the estimate is `bounded` of r' plus beta times the model's action values, their
    differences multiplied by min(1, F / N pi_i(a)). Where the samples no longer cover the policy,
    the model, which comes from them, is not believed either. beta = cov(f, r) / var(f) over the
    weighted samples, between 0 and 1: with a model that explains nothing this is `bounded`.

    Args:
        joint_actions: The samples, (rows, places).
        weights: (rows, places), 0 where there is no sample.
        rewards: (rows, places), or (rows, agents, places).
        log_policy: (rows, agents, actions), the current policy.
        predicted: f of each sample, like `rewards`, of a model that has not seen it.
        model_values: (rows, agents, actions), what the model says of the policy.
        samples: (rows,), N.
        block: Samples of a round.

    Returns:
        With values (rows, agents, actions).
    """
    shared = rewards.ndim == 2
    each = weights if shared else weights[:, None]
    factor = _control_factor(each, predicted, rewards, block)
    left = rewards - factor[..., None] * predicted
    value = value_estimate(weights, left, samples, block)
    quotient = marginal_rewards(
        joint_actions, weights, left, log_policy, "doubly_robust", 0.0, value, samples
    )
    policy = np.exp(log_policy)
    found = joint_actions.total_per_action(weights)
    expected = policy * samples[:, None, None]
    covered = np.minimum(1.0, found / expected)
    mean = (policy * model_values).sum(axis=-1, keepdims=True)
    believed = mean + (model_values - mean) * covered
    scale = factor[:, None, None] if shared else factor[..., None]
    offset = quotient.offset + scale * believed
    return Quotient(joint_actions, quotient.errors, quotient.divisor, offset)


def _control_factor(weights: Array, predicted: Array, rewards: Array, block: int) -> Array:
    """Return cov(f, r) / var(f) of weighted samples, cut to [0, 1]; 0 where f does not vary."""
    weight = total(weights, block)
    safe = np.where(weight > 0, weight, 1.0)

    def mean(values: Array) -> Array:
        return np.asarray(total(weights * values, block) / safe)

    centred = predicted - mean(predicted)[..., None]
    variance, covariance = mean(centred**2), mean(centred * rewards)
    factor = np.divide(covariance, variance, out=np.zeros_like(variance), where=variance > 0)
    return np.asarray(np.clip(factor, 0.0, 1.0))


def _kept_from_overflow(weights: Array) -> tuple[Array, Array]:
    """Return weights divided by each row's largest, and that, (rows, 1): a scale that cancels."""
    largest = weights.max(axis=1, keepdims=True)
    scale = np.where(largest > 0, largest, 1.0)
    return weights / scale, scale
