import numpy as np
import plain_loops
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marl_comm.experience import BasePolicies, estimators
from marl_comm.experience.joint_actions import JointActions
from marl_comm.games.one_shot.player import sample_joint_actions

AGENTS, ACTIONS = 3, 3


def random_policies(random, *shape):
    return random.dirichlet(np.ones(ACTIONS), size=(*shape, AGENTS))


def collect(random, rows, bases, samples):
    behaviours = BasePolicies(
        np.log(random_policies(random, rows, bases)), np.full(rows, bases, dtype=np.int64)
    )
    joint_actions = sample_joint_actions(behaviours, samples, random.spawn(rows))
    return behaviours, joint_actions


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(3, 20))
def test_weights_follow_the_balance_heuristic(seed, bases, samples):
    random = np.random.default_rng(seed)
    behaviours, joint_actions = collect(random, 2, bases, samples)
    policy = random_policies(random, 2)
    indexed = JointActions.of(joint_actions, ACTIONS)
    counts = behaviours.samples_per_base(samples)
    density = estimators.log_mixture_density(indexed, behaviours.log_policies, counts)
    weights = estimators.importance_weights(indexed.sum_over_agents(np.log(policy)), density)
    for row, sample in np.ndindex(2, samples):
        plain = plain_loops.importance_weight(
            policy[row],
            np.exp(behaviours.log_policies[row]),
            counts[row] / samples,
            joint_actions[row, sample],
        )
        assert weights[row, sample] == pytest.approx(plain, rel=1e-9)


@given(
    st.integers(0, 10**6),
    st.sampled_from(["bounded", "ordinary", "self_normalised", "truncated"]),
    st.booleans(),
)
def test_marginal_rewards_equal_their_definition(seed, estimator, own_rewards):
    random = np.random.default_rng(seed)
    rows, samples, truncation = 2, 9, 1.2  # so few that some actions go unseen
    joint_actions = random.integers(ACTIONS, size=(rows, samples, AGENTS))
    weights = random.exponential(size=(rows, samples)) * random.integers(2, size=(rows, samples))
    policy = random_policies(random, rows)
    shared_rewards = random.random((rows, samples))
    rewards = random.random((rows, AGENTS, samples)) if own_rewards else shared_rewards
    baseline = random.random((rows, AGENTS)) if own_rewards else random.random(rows)
    estimate = estimators.marginal_rewards(
        JointActions.of(joint_actions, ACTIONS),
        weights,
        rewards,
        np.log(policy),
        estimator,
        truncation,
        baseline,
        np.full(rows, samples),
    ).values()
    for row in range(rows):
        per_agent = rewards[row].T if own_rewards else np.repeat(rewards[row][:, None], AGENTS, 1)
        plain = plain_loops.marginal_rewards(
            policy[row],
            joint_actions[row],
            weights[row],
            per_agent,
            estimator,
            truncation,
            np.broadcast_to(baseline[row], AGENTS),
        )
        np.testing.assert_allclose(estimate[row], plain, rtol=1e-9, atol=1e-12)


def drawn(seed, rows=2, samples=9):
    """Samples with weights, rewards, a policy and the self-normalised value of it."""
    random = np.random.default_rng(seed)
    joint_actions = JointActions.of(random.integers(ACTIONS, size=(rows, samples, AGENTS)), ACTIONS)
    weights = random.exponential(size=(rows, samples)) * random.integers(2, size=(rows, samples))
    rewards = random.random((rows, samples))
    log_policy = np.log(random_policies(random, rows))
    return joint_actions, weights, rewards, log_policy


def estimated(estimator, joint_actions, weights, rewards, log_policy):
    count = np.full(len(weights), weights.shape[1])
    baseline = estimators.value_estimate(weights, rewards, count, weights.shape[1])
    return baseline, estimators.marginal_rewards(
        joint_actions, weights, rewards, log_policy, estimator, 1.0, baseline, count
    ).values()


@given(st.integers(0, 10**6))
def test_bounded_estimates_are_self_normalised_where_the_weight_expected_is_found(seed):
    joint_actions, weights, rewards, log_policy = drawn(seed)
    baseline, bounded = estimated("bounded", joint_actions, weights, rewards, log_policy)
    _, normalised = estimated("self_normalised", joint_actions, weights, rewards, log_policy)
    found = joint_actions.total_per_action(weights)
    expected = weights.shape[1] * np.exp(log_policy)
    enough = found >= expected
    np.testing.assert_allclose(bounded[enough], normalised[enough], rtol=1e-12)
    # Elsewhere they are as far between the value and the self-normalised ones as weight is found.
    part = np.where(enough, 1.0, found / expected)
    value = baseline[:, None, None]
    np.testing.assert_allclose(bounded, value + part * (normalised - value), atol=1e-12)


@given(st.integers(0, 10**6), st.floats(0.1, 10), st.floats(-5, 5))
def test_bounded_estimates_move_with_the_rewards(seed, factor, shift):
    joint_actions, weights, rewards, log_policy = drawn(seed)
    _, before = estimated("bounded", joint_actions, weights, rewards, log_policy)
    _, after = estimated("bounded", joint_actions, weights, factor * rewards + shift, log_policy)
    np.testing.assert_allclose(after, factor * before + shift, atol=1e-9)


@given(st.integers(0, 10**6), st.floats(1e-9, 1))
def test_bounded_estimates_go_back_to_the_value_as_all_weights_vanish(seed, scale):
    """What self-normalisation divides away: all weights of a policy that has left the data."""
    joint_actions, weights, rewards, log_policy = drawn(seed)
    value, before = estimated("bounded", joint_actions, weights, rewards, log_policy)
    _, after = estimated("bounded", joint_actions, scale * weights, rewards, log_policy)
    value = value[:, None, None]
    assert (np.abs(after - value) <= np.abs(before - value) * (1 + 1e-9) + 1e-12).all()
    largest = scale * joint_actions.total_per_action(weights) / np.exp(log_policy)
    assert (np.abs(after - value) <= largest / weights.shape[1] + 1e-12).all()
    _, normalised = estimated(
        "self_normalised", joint_actions, scale * weights, rewards, log_policy
    )
    _, unscaled = estimated("self_normalised", joint_actions, weights, rewards, log_policy)
    np.testing.assert_allclose(normalised, unscaled, atol=1e-9)


@given(st.integers(0, 10**6))
def test_bounded_estimates_are_no_larger_and_no_smaller_than_the_rewards(seed):
    joint_actions, weights, rewards, log_policy = drawn(seed)
    _, bounded = estimated("bounded", joint_actions, weights, rewards, log_policy)
    assert (bounded >= rewards.min(axis=1)[:, None, None] - 1e-12).all()
    assert (bounded <= rewards.max(axis=1)[:, None, None] + 1e-12).all()


def mean_is_within_error(estimates, truth, standard_errors=5.0):
    """Two-sided test of every entry: at 5 standard errors, 6e-7 false alarms an entry."""
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
    return np.abs(estimates.mean(axis=0) - truth) <= standard_errors * error


@pytest.mark.parametrize("estimator", ["bounded", "self_normalised", "ordinary"])
def test_estimates_of_many_samples_are_exact(estimator):
    """400,000 samples of two bases at a fixed seed: errors below one per cent of the range."""
    random = np.random.default_rng(20261126)
    samples = 400_000
    policy = 0.7 * random_policies(random, 1) + 0.3 / ACTIONS
    payoff = random.random((ACTIONS,) * AGENTS)
    base = 0.7 * random_policies(random, 1, 2) + 0.3 / ACTIONS
    behaviours = BasePolicies(np.log(base), np.array([2]))
    joint_actions = sample_joint_actions(behaviours, samples, [random])
    rewards = payoff[tuple(np.moveaxis(joint_actions, -1, 0))]
    indexed = JointActions.of(joint_actions, ACTIONS)
    density = estimators.log_mixture_density(
        indexed, behaviours.log_policies, behaviours.samples_per_base(samples)
    )
    weights = estimators.importance_weights(indexed.sum_over_agents(np.log(policy)), density)
    _, estimate = estimated(estimator, indexed, weights, rewards, np.log(policy))
    truth = exact_marginal_rewards(policy[0], payoff)
    assert np.abs(estimate[0] - truth).max() < 0.01
    _, unweighted = estimated(estimator, indexed, np.ones_like(weights), rewards, np.log(policy))
    assert np.abs(unweighted[0] - truth).max() > 0.02, "the weights make no difference"


def exact_marginal_rewards(policy, payoff):
    truth = np.zeros((AGENTS, ACTIONS))
    for joint_action in plain_loops.enumerate_joint_actions(AGENTS, ACTIONS):
        joint = plain_loops.probability(policy, joint_action) * payoff[joint_action]
        for agent, action in enumerate(joint_action):
            truth[agent, action] += joint / policy[agent, action]
    return truth


@pytest.mark.parametrize("bases", [1, 3])
def test_ordinary_estimator_with_the_balance_heuristic_is_unbiased(bases):
    """Fixed seed; 9 entries at 5 standard errors: false alarm rate below 1e-5 over seeds."""
    random = np.random.default_rng(20261120)
    repetitions, samples = 4000, 20
    policy = random_policies(random, 1)[0]
    payoff = random.random((ACTIONS,) * AGENTS)
    base = random_policies(random, 1, bases)
    behaviours = BasePolicies(
        np.log(np.repeat(base, repetitions, axis=0)), np.full(repetitions, bases, dtype=np.int64)
    )
    joint_actions = sample_joint_actions(behaviours, samples, random.spawn(repetitions))
    rewards = payoff[tuple(np.moveaxis(joint_actions, -1, 0))]
    indexed = JointActions.of(joint_actions, ACTIONS)
    log_policy = np.broadcast_to(np.log(policy), (repetitions, AGENTS, ACTIONS))
    density = estimators.log_mixture_density(
        indexed, behaviours.log_policies, behaviours.samples_per_base(samples)
    )
    weights = estimators.importance_weights(indexed.sum_over_agents(log_policy), density)
    count = np.full(repetitions, samples)
    estimates = estimators.marginal_rewards(
        indexed, weights, rewards, log_policy, "ordinary", 1.0, np.full(repetitions, 0.3), count
    ).values()
    truth = exact_marginal_rewards(policy, payoff)
    assert mean_is_within_error(estimates, truth).all()
    # The same test must notice a bias: weights of one base instead of the mixture.
    if bases > 1:
        wrong = np.repeat(behaviours.log_policies[:, :1], bases, axis=1)
        wrong_density = estimators.log_mixture_density(
            indexed, wrong, behaviours.samples_per_base(samples)
        )
        wrong_weights = estimators.importance_weights(
            indexed.sum_over_agents(log_policy), wrong_density
        )
        biased = estimators.marginal_rewards(
            indexed,
            wrong_weights,
            rewards,
            log_policy,
            "ordinary",
            1.0,
            np.full(repetitions, 0.3),
            count,
        ).values()
        assert not mean_is_within_error(biased, truth).all()


@given(st.integers(0, 10**6))
def test_divergence_is_that_of_the_joint_distributions(seed):
    random = np.random.default_rng(seed)
    policy, base = random_policies(random, 2)
    assert estimators.renyi_divergence(np.log(policy), np.log(base)) == pytest.approx(
        plain_loops.renyi_divergence(policy, base), rel=1e-9, abs=1e-12
    )


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_pooled_divergence_is_that_of_contexts_drawn_as_often_as_visited(seed, contexts):
    random = np.random.default_rng(seed)
    divergences, visits = random.exponential(size=contexts), random.integers(0, 5, size=contexts)
    visits[random.integers(contexts)] += 1
    moment = sum(n * np.exp(d) for n, d in zip(visits, divergences, strict=True)) / visits.sum()
    divergences[visits == 0] = 900.0  # where nobody came nothing diverges
    pooled = estimators.pooled_divergence(divergences, visits)
    assert pooled == pytest.approx(np.log(moment), abs=1e-12)


def test_divergence_of_a_policy_from_itself_is_zero():
    policy = np.log(random_policies(np.random.default_rng(1), 4))
    np.testing.assert_allclose(estimators.renyi_divergence(policy, policy), 0.0, atol=1e-12)


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=20))
def test_effective_sample_size_is_a_share(weights):
    share = estimators.effective_sample_size(np.array([weights]), len(weights))[0]
    assert 0 <= share <= 1 + 1e-12
    if min(weights) > 1e-100 and max(weights) < 1e100:
        assert share == pytest.approx(plain_loops.effective_sample_size(weights))


@pytest.mark.parametrize(
    ("weights", "share"), [([1, 1, 1, 1], 1.0), ([0, 0, 7, 0], 0.25), ([0, 0, 0, 0], 0.0)]
)
def test_effective_sample_size_of_known_weights(weights, share):
    assert estimators.effective_sample_size(np.array([weights], dtype=float), 4)[0] == share


def test_expected_effective_sample_size_follows_the_divergence():
    """exp(-D2) is the limit for many samples from one base: within 3 % at a fixed seed."""
    random = np.random.default_rng(5)
    base = np.log(random.dirichlet(10 * np.ones(ACTIONS), size=(1, 1, AGENTS)))
    policy = np.log(random.dirichlet(10 * np.ones(ACTIONS), size=(1, AGENTS)))
    behaviours = BasePolicies(base, np.ones(1, dtype=np.int64))
    joint_actions = sample_joint_actions(behaviours, 200_000, [random])
    indexed = JointActions.of(joint_actions, ACTIONS)
    weights = estimators.importance_weights(
        indexed.sum_over_agents(policy), indexed.sum_over_agents(base[:, 0])
    )
    share = estimators.effective_sample_size(weights, 200_000)[0]
    divergence = estimators.renyi_divergence(policy, base[:, 0])[0]
    assert share == pytest.approx(np.exp(-divergence), rel=0.03)


def test_all_weights_zero_gives_finite_estimates():
    joint_actions = JointActions.of(np.zeros((1, 4, 2), dtype=np.uint8), 2)
    weights, rewards = np.zeros((1, 4)), np.array([[0.1, 0.2, 0.3, 0.4]])
    baseline = estimators.value_estimate(weights, rewards, np.array([4]), 4)
    assert baseline == pytest.approx(0.25)
    for estimator in ("bounded", "ordinary", "self_normalised", "truncated"):
        estimate = estimators.marginal_rewards(
            joint_actions,
            weights,
            rewards,
            np.log(np.full((1, 2, 2), 0.5)),
            estimator,
            1.0,
            baseline,
            np.array([4]),
        ).values()
        np.testing.assert_allclose(estimate, 0.25)


def test_weights_too_large_for_a_float_stay_finite():
    weights = estimators.importance_weights(np.array([[900.0, 0.0]]), np.array([[0.0, 0.0]]))
    assert np.isfinite(weights).all()
    assert np.isfinite(estimators.effective_sample_size(weights, 2)).all()


@pytest.mark.parametrize("weights", [[1e308, 1e-200], [1e-200, 1e-300]])
def test_self_normalised_estimates_do_not_depend_on_the_scale_of_weights(weights):
    """Not even where products with rewards would overflow; the first sample decides."""
    joint_actions = JointActions.of(np.zeros((1, 2, 1), dtype=np.uint8), 2)
    estimate = estimators.marginal_rewards(
        joint_actions,
        np.array([weights]),
        np.array([[30.0, 70.0]]),
        np.log(np.full((1, 1, 2), 0.5)),
        "self_normalised",
        1.0,
        np.array([20.0]),
        np.array([2]),
    ).values()
    np.testing.assert_allclose(estimate[0, 0], [30.0, 20.0])
