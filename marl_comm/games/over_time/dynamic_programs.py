"""Exact figures of policies in Markov games, by backward induction or by solving for values.

In all of them the first axis runs over seeds ("rows"), and rows never mix. Policies are
log-probabilities (R, L, S, m, A): L = horizon layers, or a single one in discounted games.
"""

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience.estimators import pooled_divergence, renyi_divergence
from marl_comm.games.over_time.rules import MarkovGame


def action_values(game: MarkovGame, rows: IntArray, log_policy: Array) -> Array:
    """Return Q_i(h, s, a_i) = E[sum of own rewards from step h | s, a_i], all others as they play.

    Args:
        game: Knows each agent's decision problem against the others' policies.
        rows: (R,).
        log_policy: (R, L, S, m, A).

    Returns:
        (R, L, S, m, A).
    """
    policy = np.exp(log_policy)
    if game.discount is not None:
        rewards, transitions = game.induced(rows, log_policy[:, 0])
        values = _discounted_values(rewards, transitions, policy[:, 0], game.discount)
        return (rewards + game.discount * _next_values(transitions, values))[:, None]
    result = np.empty_like(policy)
    values = np.zeros((len(rows), game.states, game.agents))
    for step in reversed(range(game.steps)):
        rewards, transitions = game.induced(rows, log_policy[:, step])
        result[:, step] = rewards + _next_values(transitions, values)
        values = (policy[:, step] * result[:, step]).sum(axis=-1)
    return result


def values_and_best_responses(
    game: MarkovGame, rows: IntArray, log_policy: Array
) -> tuple[Array, Array]:
    """Return each agent's expected return, and the most it could have by deviating alone.

    A best response may use everything the agent sees, the state and in finite games the step,
    while all others keep their policies.

    Args:
        game: Knows each agent's decision problem against the others' policies.
        rows: (R,).
        log_policy: (R, L, S, m, A).

    Returns:
        V_i and max over pi_i' of V_i(pi_i', pi_-i), each (R, m), means over the initial state.
    """
    policy = np.exp(log_policy)
    if game.discount is not None:
        rewards, transitions = game.induced(rows, log_policy[:, 0])
        values = _discounted_values(rewards, transitions, policy[:, 0], game.discount)
        best = _discounted_best_responses(rewards, transitions, policy[:, 0], game.discount)
    else:
        values = np.zeros((len(rows), game.states, game.agents))
        best = np.zeros_like(values)
        for step in reversed(range(game.steps)):
            rewards, transitions = game.induced(rows, log_policy[:, step])
            own = rewards + _next_values(transitions, values)
            values = (policy[:, step] * own).sum(axis=-1)
            best = (rewards + _next_values(transitions, best)).max(axis=-1)
    start = game.initial_distribution[game.game_of_row(rows)]
    return np.einsum("rs,rsi->ri", start, values), np.einsum("rs,rsi->ri", start, best)


def agent_gaps(values: Array, best: Array) -> Array:
    """Return what each agent gains by its best response, never negative: the agent-wise gaps."""
    return np.maximum(best - values, 0.0)


def trajectory_divergence(
    game: MarkovGame, rows: IntArray, log_policy: Array, log_base: Array
) -> Array:
    """Return the Renyi-2 divergence of the trajectories of two policies, over one episode.

    With M_h(s) the second moment of the weights of what follows, given the state,

        M_h(s) = sum_a b(a|s) (pi/b)^2 sum_s' P(s'|s,a) M_{h+1}(s'),    D2 = log E_{s_0} M_0,

    which for product policies is Z(s) E[M_{h+1}(s')] with Z(s) = prod_j sum_a pi_j^2 / b_j and the
    expectation under the product policy proportional to pi_j^2 / b_j. Logarithms throughout.

    Args:
        game: Knows how product policies move the state.
        rows: (R,).
        log_policy: (R, L, S, m, A).
        log_base: (R, L, S, m, A).

    Returns:
        (R,), in nats, never negative.
    """
    log_squares = 2.0 * log_policy - log_base
    log_factors = _log_sum_exp(log_squares)
    log_tilted = log_squares - log_factors[..., None]
    log_z = log_factors.sum(axis=-1)  # (R, L, S)
    log_moment = log_z[:, -1]
    with np.errstate(divide="ignore"):  # log 0: states that cannot follow
        for step in reversed(range(game.steps - 1)):
            layer = min(step, game.layers - 1)
            if step == game.steps - 2 or game.layers > 1:
                log_next = np.log(game.transitions(rows, log_tilted[:, layer]))
            log_moment = log_z[:, layer] + _log_sum_exp(log_next + log_moment[:, None])
        log_start = np.log(game.initial_distribution[game.game_of_row(rows)])
    return np.maximum(_log_sum_exp(log_start + log_moment), 0.0)


def decision_divergence(
    game: MarkovGame, rows: IntArray, log_policy: Array, log_base: Array
) -> Array:
    """Return the Renyi-2 divergence of single decisions, pooled over those of the base's episodes.

    The logarithm of E[Z(s_t)], with Z as in `trajectory_divergence`, s_t being the state that the
    base policy brings about at a step t taken with equal chance.

    Args:
        game: Knows how product policies move the state.
        rows: (R,).
        log_policy: (R, L, S, m, A).
        log_base: (R, L, S, m, A).

    Returns:
        (R,), in nats, never negative.
    """
    visited = visits(game, rows, log_base)
    divergences = renyi_divergence(log_policy, log_base)
    return pooled_divergence(divergences.reshape(len(rows), -1), visited.reshape(len(rows), -1))


def visits(game: MarkovGame, rows: IntArray, log_policy: Array) -> Array:
    """Return how often an episode of a policy is in each state, per layer, (R, L, S).

    Args:
        game: Knows how product policies move the state.
        rows: (R,).
        log_policy: (R, L, S, m, A).
    """
    expected = np.zeros(log_policy.shape[:3])
    state = game.initial_distribution[game.game_of_row(rows)]
    for step in range(game.steps):
        layer = min(step, game.layers - 1)
        expected[:, layer] += state
        if step < game.steps - 1:
            if step == 0 or game.layers > 1:
                moves = game.transitions(rows, log_policy[:, layer])
            state = np.einsum("rs,rst->rt", state, moves)
    return expected


def _next_values(transitions: Array, values: Array) -> Array:
    """Return E[V_i(s') | s, a_i], (R, S, m, A), for values (R, S, m)."""
    return np.asarray(np.einsum("rsiat,rti->rsia", transitions, values))


def _discounted_values(rewards: Array, transitions: Array, policy: Array, discount: float) -> Array:
    """Solve V_i = E[r_i + discount V_i(s')] in every agent's own decision problem, (R, S, m).

    `policy`, (R, S, m, A), may differ from the one that the agent has in the eyes of the others.
    """
    moves = np.einsum("rsia,rsiat->rist", policy, transitions)
    received = np.einsum("rsia,rsia->ris", policy, rewards)
    system = np.eye(transitions.shape[-1]) - discount * moves
    return np.asarray(np.linalg.solve(system, received[..., None])[..., 0].swapaxes(1, 2))


def _discounted_best_responses(
    rewards: Array, transitions: Array, policy: Array, discount: float
) -> Array:
    """Return every agent's optimal values (R, S, m), by policy iteration (Howard 1960)."""
    actions = policy.shape[-1]
    choice = policy.argmax(axis=-1)
    while True:
        values = _discounted_values(rewards, transitions, np.eye(actions)[choice], discount)
        own = rewards + discount * _next_values(transitions, values)
        chosen = np.take_along_axis(own, choice[..., None], axis=-1)[..., 0]
        # Ties in rounding must not keep the iteration going.
        better = own.max(axis=-1) > chosen + 1e-12 * (1.0 + np.abs(chosen))
        if not better.any():
            return values
        choice = np.where(better, own.argmax(axis=-1), choice)


def _log_sum_exp(values: Array) -> Array:
    """Return log sum exp over the last axis, whose largest entry must be finite."""
    largest = values.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(values - largest).sum(axis=-1)) + largest[..., 0])
