"""Importance weights of trajectories, and what they estimate in Markov games.

Pure functions of arrays whose first axis runs over seeds ("rows"). Rows never mix. Samples are the
steps of E episodes of T steps each, in arrays (rows, T, E) or flattened to (rows, T * E). A context
is what a policy looks at: the state, and in games with a finite horizon the step.
"""

import numpy as np

from marl_comm.arrays import Array, BoolArray, IntArray
from marl_comm.experience.contexts import Contexts, at_contexts, totals
from marl_comm.experience.estimators import SELF_NORMALISING, Estimator
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.quotient import SMALLEST, Quotient


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


def step_log_densities(
    joint_actions: JointActions,
    contexts: Contexts,
    log_behaviours: Array,
    visits: Array,
) -> Array:
    """Return log sum_b share_b(c) b(a | c), the balance heuristic on the decisions of a context.

    Given the context, reward and next context do not depend on how the episode got there, so the
    decisions taken in it are samples from the mixture of the behaviours that came there, each in
    its share. The ratio to it is free of the variance of all earlier decisions.

    Args:
        joint_actions: The samples, (rows, T * E), in context.
        contexts: Of the samples.
        log_behaviours: (rows, bases, ..., agents, actions); bases without visits are ignored.
        visits: (rows, bases, C), how often each base decided in each context.

    Returns:
        (rows, T, E).
    """
    densities = np.full(contexts.now.shape, -np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_share = np.log(visits / visits.sum(axis=1, keepdims=True))
    for base in range(log_behaviours.shape[1]):
        if visits[:, base].any():
            own = joint_actions.sum_over_agents(log_behaviours[:, base]).reshape(densities.shape)
            own += at_contexts(log_share[:, base, None], contexts.now)[:, 0]
            np.logaddexp(densities, own, out=densities)
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


def context_values(contexts: Contexts, weights: Array, rewards: Array, discount: float) -> Array:
    """Estimate the value of each context from one-step averages.

    With means over the samples of a context, weighted by W_t, the weight of a sample's decision or
    of its whole prefix, the estimates solve V(c) = mean[r + discount V(next context)], where V is
    0 once the game is over. All samples of a next context serve all that lead there, which leaves
    less noise than the returns of single episodes (certainty equivalence, Sutton & Barto 2018,
    section 6.3).

    Args:
        contexts: Of the samples.
        weights: (rows, T, E).
        rewards: (rows, k, T, E): k = 1 for a team reward, else one per agent.
        discount: Factor per step.

    Returns:
        (rows, k, C). A context without weighted samples has the mean of the others, or in ordered
        contexts, where nothing depends on it, 0.
    """
    seen = contexts.total(weights[:, None])
    share = np.divide(1.0, seen, out=np.zeros_like(seen), where=seen >= SMALLEST)
    if contexts.ordered:
        values = np.zeros((*rewards.shape[:2], contexts.count))
        for step in reversed(range(rewards.shape[2])):
            following = contexts.next[:, step]
            target = discount * at_contexts(values, following) * (following >= 0)[:, None]
            target += rewards[:, :, step]
            target *= weights[:, None, step]
            values += share * totals(contexts.now[:, step], target, contexts.count)
        return values
    received = share * contexts.total(weights[:, None] * rewards)
    pair = contexts.now * contexts.count + contexts.next
    moves = totals(pair, weights[:, None], contexts.count**2)
    moves = moves.reshape(-1, contexts.count, contexts.count) * share[:, 0, :, None]
    frequency = seen / np.maximum(seen.sum(axis=-1, keepdims=True), SMALLEST)
    moves = np.where(seen[:, 0, :, None] >= SMALLEST, discount * moves, frequency)
    system = np.eye(contexts.count) - moves
    return np.asarray(np.linalg.solve(system, received.swapaxes(1, 2)).swapaxes(1, 2))


def action_values(
    joint_actions: JointActions,
    contexts: Contexts,
    weights: Array,
    rewards: Array,
    values: Array,
    log_policy: Array,
    visits: Array,
    present: BoolArray,
    discount: float,
    estimator: Estimator,
) -> Quotient:
    """Estimate Q_i(c, a) = E[return from here on | context c, a_i = a], others as they now play.

    With d_t = r_t + discount V(next context) - V(context) and F = sum W_t over the samples in
    context c with a_i = a:

    - `self_normalised`: V(c) + sum W_t d_t / F over those samples. An action that no sample took
      is given V(c). Consistent if V is, for weights of single decisions or of prefixes.
    - `bounded`: the same with max(F, n(c) pi_i(a|c)) instead of F, n(c) samples being in context
      c: the weight expected where each is that of a single decision. Back to V(c) where samples
      no longer cover the policy.
    - `ordinary`, `truncated`: V(c) + sum G_t / (pi_i(a|c) sum of W_{t-1} over all samples in
      context c), with G_t = sum_{u >= t} discount^(u - t) W_u d_u and weights of prefixes, every
      reward weighed by the decisions up to it (per-decision importance sampling, Precup, Sutton &
      Singh 2000), V being no more than a control variate (Jiang & Li 2016; Thomas & Brunskill
      2016). The expectation of sum G_t is the right one whatever V is, if V does not depend on
      the samples and weights are not truncated.

    Args:
        joint_actions: The samples, (rows, T * E), in context.
        contexts: Of the samples.
        weights: (rows, T, E), of single decisions or, for the last kind, of prefixes; truncated
            where they are to be.
        rewards: (rows, k, T, E): k = 1 for a team reward, else one per agent.
        values: V, (rows, k, C).
        log_policy: (rows, L, S, agents, actions), the current policy, L * S = C.
        visits: (rows, C), n(c).
        present: (rows, 1, E), where there is an episode; elsewhere weights are 0.
        discount: Factor per step.
        estimator: Which of them.

    Returns:
        With values (rows, L, S, agents, actions).
    """
    rows, kinds = rewards.shape[:2]
    scale = np.ones((rows, 1, 1))
    if estimator in SELF_NORMALISING:
        # The scale of the weights cancels: keep the products away from overflow.
        largest = weights.max(axis=(1, 2), keepdims=True)
        scale = np.where(largest > 0, largest, 1.0)
        weights = weights / scale
    errors = contexts.gains(values, discount)
    errors += rewards
    errors *= weights[:, None]
    if estimator in SELF_NORMALISING:
        divisor = joint_actions.total_per_action(weights.reshape(rows, -1))
        divisor = divisor.reshape(log_policy.shape)
        if estimator == "bounded":
            here = visits.reshape(log_policy.shape[:3])
            expected = expected_weights(np.exp(log_policy), here, scale)
            divisor = np.where(divisor < SMALLEST, divisor, np.maximum(divisor, expected))
    else:
        errors = returns_to_go(errors, discount)
        before = np.concatenate([present, weights[:, :-1]], axis=1)
        weighted_visits = contexts.total(before[:, None]).reshape(*log_policy.shape[:3], 1, 1)
        divisor = np.exp(log_policy) * weighted_visits
    errors = errors.reshape(rows, kinds, -1)
    offset = values.reshape(rows, kinds, *log_policy.shape[1:3])
    offset = np.moveaxis(offset, 1, -1)[..., None]
    return Quotient(joint_actions, errors[:, 0] if kinds == 1 else errors, divisor, offset)


def expected_weights(policy: Array, visits: Array, scale: Array) -> Array:
    """Return n(c) pi_i(a|c) / scale: the weight that an action's samples have on average.

    Args:
        policy: (rows, ..., agents, actions).
        visits: n(c), (rows, ...).
        scale: What the weights have been divided by; broadcasts against `visits`.
    """
    with np.errstate(over="ignore"):  # infinitely more expected than found: back to V
        return np.asarray(policy * (visits / scale)[..., None, None])
