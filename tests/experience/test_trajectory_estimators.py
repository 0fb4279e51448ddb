"""Estimates from trajectories against plain loops, listing, and exact figures."""

import math
from typing import get_args

import numpy as np
import pytest
from markov_rules import (
    congestion_rules,
    probability,
    random_markov_rules,
    random_policy,
)
from worlds import estimation

from marl_comm.experience import BasePolicies
from marl_comm.experience import trajectory_estimators as estimators
from marl_comm.experience.contexts import Contexts
from marl_comm.experience.estimators import Estimator, importance_weights
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.over_time import SampledTrajectories
from marl_comm.experience.trajectory_buffer import TrajectoryBuffer
from marl_comm.games.over_time import dynamic_programs
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.player import play_episodes
from marl_comm.games.over_time.random_markov import RandomMarkov

SHARES = np.array([3, 2])


def finite():
    game = RandomMarkov(2, 2, 2, 3, [4])
    return game, random_markov_rules(game)


def discounted():
    game = MarkovCongestion(3, (1.0, 2.5), 4.0, 0.7, 3)
    return game, congestion_rules(game)


def short():
    game = RandomMarkov(2, 2, 5, 1, [4])
    return game, random_markov_rules(game)


GAMES = pytest.mark.parametrize("make", [finite, discounted, short])


def listed(game, rules):
    """Every trajectory as a row with a single episode, and the trajectories."""
    everything = list(rules.trajectories())
    last = 1 if game.discount is not None else 0
    states = np.array([each.states[: game.steps + last] for each in everything])
    joint_actions = np.array([each.joint_actions for each in everything])
    rewards = np.array([each.rewards for each in everything])
    if game.common_reward:
        rewards = rewards[..., 0]
    buffer = TrajectoryBuffer(states[:, :, None], joint_actions[:, :, None], rewards[:, :, None])
    return everything, buffer


def prepared(game, buffer):
    """What estimators take: indexed joint actions, contexts, rewards (rows, k, T, E)."""
    contexts = Contexts.of(buffer, game.states)
    rows, steps, episodes, agents = buffer.joint_actions.shape
    joint_actions = JointActions.of(
        buffer.joint_actions.reshape(rows, steps * episodes, agents),
        game.actions,
        contexts.now.reshape(rows, -1),
        contexts.count,
    )
    rewards = np.asarray(buffer.rewards, dtype=float)
    rewards = np.moveaxis(rewards, 3, 1) if rewards.ndim == 4 else rewards[:, None]
    return joint_actions, contexts, rewards


def prefix_weights(game, joint_actions, policy, bases):
    """policy (L, S, m, A), bases (B, L, S, m, A), the same for every row."""
    rows = joint_actions.shape[0]

    def repeat(array):
        return np.broadcast_to(np.log(array), (rows, *array.shape))

    density = estimators.prefix_log_densities(
        joint_actions, repeat(bases), np.broadcast_to(SHARES, (rows, 2)), game.steps
    )
    target = estimators.prefix_log_probabilities(joint_actions, repeat(policy), game.steps)
    return importance_weights(target, density)


@GAMES
def test_weights_of_every_trajectory(make):
    """Against their definition; and they average to one under the mixture that is played."""
    game, rules = make()
    policy = random_policy(game, 1, seed=1)[0]
    bases = random_policy(game, 2, seed=2)
    everything, buffer = listed(game, rules)
    joint_actions, _, _ = prepared(game, buffer)
    weights = prefix_weights(game, joint_actions, policy, bases)
    mean, square = np.zeros(game.steps), 0.0
    for row, trajectory in enumerate(everything):
        for step in range(game.steps):
            mixture = 0.6 * probability(bases[0], trajectory, step + 1) + 0.4 * probability(
                bases[1], trajectory, step + 1
            )
            expected = probability(policy, trajectory, step + 1) / mixture
            assert weights[row, step, 0] == pytest.approx(expected, rel=1e-10)
        likely = trajectory.chance * (
            0.6 * probability(bases[0], trajectory) + 0.4 * probability(bases[1], trajectory)
        )
        mean += likely * weights[row, :, 0]
        square += likely * weights[row, -1, 0] ** 2
    np.testing.assert_allclose(mean, 1.0, atol=1e-12)
    # With a single base the second moment is the exponential of the exact divergence.
    alone = prefix_weights(game, joint_actions, policy, np.stack([bases[0]] * 2))
    moment = sum(
        trajectory.chance * probability(bases[0], trajectory) * alone[row, -1, 0] ** 2
        for row, trajectory in enumerate(everything)
    )
    divergence = dynamic_programs.trajectory_divergence(
        game, np.array([0]), np.log(policy)[None], np.log(bases[:1])
    )
    assert math.log(moment) == pytest.approx(divergence[0], rel=1e-10)


def visit_weights(contexts, weights):
    """W_{t-1} at the visited contexts of rows with one episode, (rows, C)."""
    visits = np.zeros((len(weights), contexts.count))
    for row, step in np.ndindex(weights.shape[:2]):
        before = weights[row, step - 1, 0] if step > 0 else 1.0
        visits[row, contexts.now[row, step, 0]] += before
    return visits


@GAMES
def test_the_ordinary_sums_are_unbiased_by_listing_every_trajectory(make):
    """E[sum of G_t] = visits x policy x (Q - V); with a finite horizon whatever V is."""
    game, rules = make()
    policy = random_policy(game, 1, seed=1)
    bases = random_policy(game, 2, seed=2)
    everything, buffer = listed(game, rules)
    joint_actions, contexts, rewards = prepared(game, buffer)
    weights = prefix_weights(game, joint_actions, policy[0], bases)
    exact = dynamic_programs.action_values(game, np.array([0]), np.log(policy))[0]
    kinds = rewards.shape[1]
    if game.discount is None:
        values = np.random.default_rng(0).random((kinds, contexts.count))
    else:  # episodes that are broken off go on with V, which must then be right
        values = (policy[0] * exact).sum(axis=-1).reshape(contexts.count, kinds).T
    rows = len(everything)
    estimates = estimators.action_values(
        joint_actions,
        contexts,
        weights,
        rewards,
        np.broadcast_to(values, (rows, *values.shape)),
        np.broadcast_to(np.log(policy), (rows, *policy.shape[1:])),
        contexts.total(np.ones((rows, 1, game.steps, 1)))[:, 0],
        np.ones((rows, 1, 1), dtype=bool),
        game.discount or 1.0,
        "ordinary",
    ).values()
    shape = (rows, game.layers, game.states, 1, 1)
    visits = visit_weights(contexts, weights).reshape(shape)
    offset = values.T.reshape(game.layers, game.states, kinds, 1)
    sums = (estimates - offset) * policy * visits
    likely = np.array(
        [
            each.chance * (0.6 * probability(bases[0], each) + 0.4 * probability(bases[1], each))
            for each in everything
        ]
    ).reshape(-1, 1, 1, 1, 1)
    expected_visits = (likely * visits).sum(axis=0)
    np.testing.assert_allclose(
        (likely * sums).sum(axis=0), expected_visits * policy[0] * (exact - offset), atol=1e-12
    )


@GAMES
@pytest.mark.parametrize("estimator", ["bounded", "self_normalised"])
def test_one_step_estimates_are_the_plain_loops(make, estimator):
    game, rules = make()
    random = np.random.default_rng(5)
    everything, buffer = listed(game, rules)
    chosen = random.integers(len(everything), size=(2, 7))  # two rows of seven episodes
    buffer = TrajectoryBuffer(
        np.moveaxis(buffer.states[chosen, :, 0], 1, 2),
        np.moveaxis(buffer.joint_actions[chosen, :, 0], 1, 2),
        np.moveaxis(buffer.rewards[chosen, :, 0], 1, 2),
    )
    joint_actions, contexts, rewards = prepared(game, buffer)
    weights = random.exponential(size=(2, game.steps, 7))
    discount = game.discount or 1.0
    values = estimators.context_values(contexts, weights, rewards, discount)
    policy = random_policy(game, 2, seed=1)
    estimates = estimators.action_values(
        joint_actions,
        contexts,
        weights,
        rewards,
        values,
        np.log(policy),
        contexts.total(np.ones((2, 1, game.steps, 7)))[:, 0],
        np.ones((2, 1, 7), dtype=bool),
        discount,
        estimator,
    ).values()
    checked = unseen = braked = 0
    for row, agent in np.ndindex(2, game.agents):
        kind = 0 if game.common_reward else agent

        def steps_in(layer, state, row=row, agent=agent, kind=kind):
            for step, episode in np.ndindex(game.steps, 7):
                here = buffer.states[row, step, episode]
                if here != state or (game.layers > 1 and step != layer):
                    continue
                following = contexts.next[row, step, episode]
                future = values[row, kind, following] if following >= 0 else 0.0
                received = rewards[row, kind, step, episode] + discount * future
                action = buffer.joint_actions[row, step, episode, agent]
                yield weights[row, step, episode], received, action

        for layer, state in np.ndindex(game.layers, game.states):
            samples = list(steps_in(layer, state))
            mean = values[row, kind, layer * game.states + state]
            if samples:
                plain = sum(w * r for w, r, _ in samples) / sum(w for w, _, _ in samples)
                assert mean == pytest.approx(plain, abs=1e-12)
            for action in range(game.actions):
                taken = [(w, r) for w, r, a in samples if a == action]
                total = sum(w for w, _ in taken)
                expected = sum(w * r for w, r in taken) / total if taken else mean
                usual = len(samples) * policy[row, layer, state, agent, action]
                if taken and estimator == "bounded" and total < usual:
                    expected = mean + total / usual * (expected - mean)
                    braked += 1
                estimate = estimates[row, layer, state, agent, action]
                assert estimate == pytest.approx(expected, abs=1e-12)
                checked += bool(taken)
                unseen += not taken
    assert checked > 20
    assert unseen > 0
    assert (braked > 0) == (estimator == "bounded")


@GAMES
def test_weights_of_single_decisions_are_ratios_to_those_who_came_there(make):
    game, rules = make()
    random = np.random.default_rng(6)
    _, buffer = listed(game, rules)
    chosen = random.integers(len(buffer.states), size=7)  # three episodes of one base, four of two
    buffer = TrajectoryBuffer(
        buffer.states[chosen, :, 0].T[None],
        np.moveaxis(buffer.joint_actions[chosen, :, 0], 0, 1)[None],
        np.moveaxis(buffer.rewards[chosen, :, 0], 0, 1)[None],
    )
    base_of_episode = np.array([[0, 0, 0, 1, 1, 1, 1]])
    joint_actions, contexts, _ = prepared(game, buffer)
    bases = random_policy(game, 2, seed=2)
    visits = contexts.visits(base_of_episode, 2)
    densities = estimators.step_log_densities(joint_actions, contexts, np.log(bases)[None], visits)
    for step, episode in np.ndindex(game.steps, 7):
        state, layer = buffer.states[0, step, episode], min(step, game.layers - 1)
        came = [
            base_of_episode[0, other]
            for at, other in np.ndindex(game.steps, 7)
            if buffer.states[0, at, other] == state and (game.layers == 1 or at == step)
        ]
        density = 0.0
        for base in range(2):
            chance = 1.0
            for agent, action in enumerate(buffer.joint_actions[0, step, episode]):
                chance *= bases[base, layer, state, agent, action]
            density += came.count(base) / len(came) * chance
        assert densities[0, step, episode] == pytest.approx(np.log(density), rel=1e-10)


def test_returns_to_go_are_discounted_sums():
    rewards = np.random.default_rng(0).random((2, 1, 4, 3))
    returns = estimators.returns_to_go(rewards, 0.6)
    for step in range(4):
        plain = sum(0.6 ** (later - step) * rewards[:, :, later] for later in range(step, 4))
        np.testing.assert_allclose(returns[:, :, step], plain)


def test_truncated_estimates_are_ordinary_ones_from_capped_weights():
    game, _ = finite()
    policy = np.log(random_policy(game, 1, seed=1))
    bases = BasePolicies.current(np.log(random_policy(game, 1, seed=2)))
    buffer = play_episodes(game, np.array([0]), bases, 50, [np.random.default_rng(3)])
    data = SampledTrajectories(buffer, bases, None)
    data.prepare(estimation("truncated", truncation=1.5))
    data.weigh(policy)
    assert data._weights.max() > 1.5
    truncated = data.action_values(policy)
    data.prepare(estimation("ordinary"))
    data.weigh(policy)
    data._weights = np.minimum(data._weights, 1.5)
    ordinary = data.action_values(policy)
    np.testing.assert_array_equal(truncated, ordinary)


def test_a_state_that_no_step_started_in_has_the_mean_value():
    """Only ever the state after the last action: an episode's future is still finite and sane."""
    # Three rows, one step, two episodes; the second ends in the state that none started in.
    states = np.array([[[0, 0], [0, 1]], [[1, 1], [1, 0]], [[0, 0], [0, 1]]])
    buffer = TrajectoryBuffer(states, np.zeros((3, 1, 2, 2), dtype=int), np.ones((3, 1, 2)))
    contexts = Contexts.of(buffer, states=2)
    rewards = np.array([1.0, 1.0, 3.0]).reshape(3, 1, 1, 1) * np.ones((3, 1, 1, 2))
    values = estimators.context_values(contexts, np.ones((3, 1, 2)), rewards, 0.5)
    np.testing.assert_allclose(values[:, 0], [[2.0, 2.0], [2.0, 2.0], [6.0, 6.0]])


@GAMES
@pytest.mark.parametrize("estimator", get_args(Estimator))
def test_estimates_converge_to_the_exact_action_values(make, estimator):
    """200,000 steps from two bases at a fixed seed; errors at one per cent of the range."""
    game, _ = make()
    if estimator == "joint" and not game.common_reward:
        return  # refused there
    policy = random_policy(game, 1, seed=1, floor=0.3)
    bases = BasePolicies(np.log(random_policy(game, 2, seed=2, floor=0.3))[None], np.array([2]))
    generators = [np.random.default_rng(11)]
    row = np.array([0])
    buffer = play_episodes(game, row, bases, 200_000 // game.steps, generators)
    data = SampledTrajectories(buffer, bases, game.discount)
    data.prepare(estimation(estimator, truncation=1e6))
    data.weigh(np.log(policy))
    estimates = data.action_values(np.log(policy))
    exact = dynamic_programs.action_values(game, row, np.log(policy))
    np.testing.assert_allclose(estimates, exact, atol=0.015)
    data.prepare(estimation(estimator, weighted=False))
    stale = data.action_values(np.log(policy))
    assert np.abs(stale - exact).max() > 0.03, "the weights make no difference"


def test_ordinary_sums_of_many_small_rounds_are_unbiased():
    """4000 rounds of 4 episodes at a fixed seed; 24 sums, at 5 standard errors 1e-5 errors."""
    game, _ = finite()
    rounds = 4000
    rows = np.zeros(rounds, dtype=int)
    policy = random_policy(game, 1, seed=1, floor=0.2)
    repeated = np.log(np.repeat(policy, rounds, axis=0))
    bases = np.repeat(np.log(random_policy(game, 2, seed=2, floor=0.2))[None], rounds, axis=0)
    behaviours = BasePolicies(bases, np.full(rounds, 2))
    generators = [np.random.default_rng(seed) for seed in range(rounds)]
    buffer = play_episodes(game, rows, behaviours, 4, generators)
    joint_actions, contexts, rewards = prepared(game, buffer)
    shares = behaviours.samples_per_base(4)
    density = estimators.prefix_log_densities(joint_actions, bases, shares, game.steps)
    target = estimators.prefix_log_probabilities(joint_actions, repeated, game.steps)
    weights = importance_weights(target, density)
    no_values = np.zeros((rounds, 1, contexts.count))
    estimates = estimators.action_values(
        joint_actions,
        contexts,
        weights,
        rewards,
        no_values,
        repeated,
        np.ones((rounds, contexts.count)),
        np.ones((rounds, 1, 4), dtype=bool),
        1.0,
        "ordinary",
    ).values()
    before = np.concatenate([np.ones((rounds, 1, 4)), weights[:, :-1]], axis=1)
    visits = contexts.total(before[:, None]).reshape(rounds, 3, 2, 1, 1)
    sums = estimates * np.exp(repeated) * visits / 4
    exact = dynamic_programs.action_values(game, np.array([0]), np.log(policy))[0]
    reached = state_distribution(game, policy[0])[..., None, None]
    error = sums.mean(axis=0) - reached * policy[0] * exact
    assert (np.abs(error) < 5 * sums.std(axis=0) / math.sqrt(rounds)).all()


def test_sums_with_weights_of_single_decisions_are_unbiased():
    """Given how often each base came to a context: sum W d 1{a} has mean n(c) pi(a) (Q - V).

    2000 rounds of 40 episodes at a fixed seed, V exact; 24 sums, at 5 standard errors 1e-5 errors.
    """
    game, _ = finite()
    rounds = 2000
    policy = random_policy(game, 1, seed=1, floor=0.2)
    repeated = np.log(np.repeat(policy, rounds, axis=0))
    bases = np.repeat(np.log(random_policy(game, 2, seed=2, floor=0.2))[None], rounds, axis=0)
    behaviours = BasePolicies(bases, np.full(rounds, 2))
    generators = [np.random.default_rng(seed) for seed in range(rounds)]
    buffer = play_episodes(game, np.zeros(rounds, dtype=int), behaviours, 40, generators)
    joint_actions, contexts, rewards = prepared(game, buffer)
    visits = contexts.visits(behaviours.base_of_sample(40), 2)
    exact = dynamic_programs.action_values(game, np.array([0]), np.log(policy))[0]
    values = (policy[0] * exact).sum(axis=-1)[..., 0]

    def excess(densities):
        target = joint_actions.sum_over_agents(repeated).reshape(densities.shape)
        estimates = estimators.action_values(
            joint_actions,
            contexts,
            importance_weights(target, densities),
            rewards,
            np.broadcast_to(values.reshape(1, 1, -1), (rounds, 1, contexts.count)),
            repeated,
            np.full((rounds, contexts.count), 1e9),  # so much is expected that nothing else counts
            np.ones((rounds, 1, 40), dtype=bool),
            1.0,
            "bounded",
        ).values()
        usual = visits.sum(axis=1).reshape(rounds, 3, 2, 1, 1) * np.exp(repeated)
        advantage = estimates - values[..., None, None]
        sums = 1e9 * np.exp(repeated) * advantage - usual * (exact - values[..., None, None])
        return np.abs(sums.mean(axis=0)) / sums.std(axis=0) * math.sqrt(rounds)

    log_policies = behaviours.log_policies
    densities = estimators.step_log_densities(joint_actions, contexts, log_policies, visits)
    assert excess(densities).max() < 5
    swapped = visits[:, ::-1]  # wrong where one base comes to a context more often
    wrong = estimators.step_log_densities(joint_actions, contexts, log_policies, swapped)
    assert excess(wrong).max() > 5


def state_distribution(game, policy):
    """(T, S), by plain multiplication."""
    current, result = game.initial_distribution[0], []
    for step in range(game.steps):
        result.append(current)
        moves = game.transitions(np.array([0]), np.log(policy[step])[None])[0]
        current = current @ moves
    return np.array(result)
