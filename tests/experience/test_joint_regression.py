"""The joint regression on all agents' actions against plain loops and exact figures."""

import numpy as np
import plain_loops
import pytest
from worlds import estimation

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.experience import BasePolicies, estimators, joint_regression
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.one_shot import SampledExperience
from marl_comm.experience.shared_buffer import SharedBuffer
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.graph import Graph
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.randomness import Streams

ROWS, SAMPLES, AGENTS, ACTIONS = 3, 25, 3, 3


def policies(rows, agents=AGENTS, actions=ACTIONS, seed=3, floor=0.3):
    drawn = np.random.default_rng(seed).dirichlet(np.ones(actions), (rows, agents))
    return np.log((1 - floor) * drawn + floor / actions)


def drawn(seed=0):
    random = np.random.default_rng(seed)
    joint = random.integers(ACTIONS, size=(ROWS, SAMPLES, AGENTS))
    joint[0, :, 1] = joint[0, :, 1] % 2  # an action that no sample took
    weights = random.exponential(size=(ROWS, SAMPLES)) * random.integers(2, size=(ROWS, SAMPLES))
    return joint, weights, random.random((ROWS, SAMPLES))


@pytest.fixture
def to_the_end(monkeypatch):
    monkeypatch.setattr(joint_regression, "_NEAR_ENOUGH", 1e-12)
    monkeypatch.setattr(joint_regression, "_MOST_ITERATIONS", 200)


def estimated(joint, weights, rewards, log_policy):
    count = np.full(len(joint), joint.shape[1])
    value = estimators.value_estimate(weights, rewards, count, joint.shape[1])
    return joint_regression.action_values(
        JointActions.of(joint, ACTIONS),
        weights,
        rewards - value[:, None],
        value,
        np.exp(log_policy),
        count,
        lambda each: each.sum(axis=1),
    )


def test_estimates_equal_their_definition(to_the_end):
    joint, weights, rewards = drawn()
    log_policy = policies(ROWS)
    estimates = estimated(joint, weights, rewards, log_policy).values()
    for row in range(ROWS):
        expected = plain_loops.joint_regression(
            np.exp(log_policy[row]), joint[row], weights[row], rewards[row]
        )
        np.testing.assert_allclose(estimates[row], expected, rtol=1e-8)


def test_a_few_iterations_come_near_enough():
    """To a hundredth of the estimates' spread, with as many agents as samples per action."""
    random = np.random.default_rng(1)
    joint = random.integers(ACTIONS, size=(4, 120, 20))
    weights, rewards = random.exponential(size=(4, 120)), random.random((4, 120))
    log_policy = policies(4, 20)
    quick = estimated(joint, weights, rewards, log_policy).values()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint_regression, "_NEAR_ENOUGH", 1e-12)
        patch.setattr(joint_regression, "_MOST_ITERATIONS", 500)
        exact = estimated(joint, weights, rewards, log_policy).values()
    assert np.abs(quick - exact).max() < 0.01 * exact.std()


def test_each_context_has_a_regression_of_its_own(to_the_end):
    joint, weights, rewards = drawn(5)
    context = np.random.default_rng(6).integers(2, size=(ROWS, SAMPLES))
    indexed = JointActions.of(joint, ACTIONS, context, 2)

    def totals(each):
        return np.stack([(each * (context == one)).sum(axis=1) for one in (0, 1)], axis=1)

    ridge = np.array([[0.5, 1.5]] * ROWS)
    centred = rewards - np.take_along_axis(totals(weights * rewards) / totals(weights), context, 1)
    together = joint_regression.fit(indexed, weights, centred, ridge)
    for one in (0, 1):
        alone = joint_regression.fit(
            JointActions.of(joint, ACTIONS), weights * (context == one), centred, ridge[:, one]
        )
        np.testing.assert_allclose(together.parts[:, one], alone.parts, atol=1e-9)


def test_where_others_add_to_the_reward_their_noise_is_gone():
    """A sum over agents without noise is recovered up to the ridge, far below sampling errors."""
    game = Graph(10, 3, range(5), degree=0, triples=0, coupling=0.5)
    world = NormalFormGame(game, Streams(range(5)), 0.0)
    base, target = policies(5, 10, seed=1), policies(5, 10, seed=2)
    data = world.collect(np.arange(5), BasePolicies.current(base), 3000)
    exact = game.marginal_rewards(np.arange(5), target)
    errors = {}
    for estimator in ("joint", "bounded"):
        data.prepare(estimation(estimator))
        data.weigh(target)
        values = data.action_values(target)
        missed = (values - exact) - (values - exact).mean(axis=-1, keepdims=True)
        errors[estimator] = (missed**2).mean()
    assert errors["joint"] < 0.15 * errors["bounded"]


def test_in_coverage_errors_are_smaller_than_without_the_regression():
    """Squared errors of 40 games, one round each: less than four fifths in sum.

    The ratio of the two sums varies by some 5 % over sets of games, and is 0.6 here.
    """
    rows = np.arange(40)
    game = Coverage(8, 4, range(40))
    world = NormalFormGame(game, Streams(range(40)), 0.0)
    base, target = policies(40, 8, 4, seed=1, floor=0.6), policies(40, 8, 4, seed=2, floor=0.6)
    data = world.collect(rows, BasePolicies.current(base), 2000)
    exact = game.marginal_rewards(rows, target)
    policy, errors = np.exp(target), {}
    for estimator in ("joint", "bounded"):
        data.prepare(estimation(estimator))
        data.weigh(target)
        missed = data.action_values(target) - exact
        missed -= (policy * missed).sum(axis=-1, keepdims=True)
        errors[estimator] = (policy * missed**2).sum()
    assert errors["joint"] < 0.8 * errors["bounded"]


def test_where_data_do_not_cover_the_policy_estimates_go_back_to_the_value():
    joint, _, rewards = drawn()
    base = policies(ROWS)
    buffer = SharedBuffer(joint.astype(np.uint8), rewards.astype(np.float32))
    data = SampledExperience(buffer, BasePolicies.current(base))
    data.prepare(estimation("joint"))
    data.weigh(base)
    data._weights *= 1e-6
    values = data.action_values(base)
    assert np.ptp(values, axis=-1).max() < 1e-4


def test_own_rewards_are_refused():
    with pytest.raises(InputError, match="the regression is of one reward for all"):
        compose("learner.estimator=joint", "game=congestion")
    compose("learner.estimator=joint", "game=random_markov")
