"""Models of rewards, and the estimates that rest on them."""

import itertools

import enumeration
import numpy as np
import plain_loops
import pytest
from worlds import estimation

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.experience import BasePolicies, estimators
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.one_shot import SampledExperience
from marl_comm.experience.reward_model import RewardModels
from marl_comm.experience.shared_buffer import SharedBuffer
from marl_comm.games.one_shot.congestion import Congestion
from marl_comm.games.one_shot.graph import Graph
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.randomness import Streams


def played(game, samples, rows=2, seed=0):
    random = np.random.default_rng(seed)
    shape = (rows, samples, game.agents)
    actions = random.integers(game.actions, size=shape).astype(np.uint8)
    rewards = game.rewards(np.arange(rows), actions)
    return actions, np.moveaxis(rewards, 2, 1) if rewards.ndim == 3 else rewards


def policies(rows, agents, actions, seed=3):
    drawn = np.random.default_rng(seed).dirichlet(np.ones(actions), (rows, agents))
    return np.log(0.7 * drawn + 0.3 / actions)


def pairs_only(agents, actions, seeds):
    return Graph(agents, actions, seeds, degree=2, triples=0, coupling=0.5)


def test_a_game_of_pairs_is_recovered_from_one_round_without_noise():
    game = pairs_only(6, 3, range(2))
    actions, rewards = played(game, 1200)
    models, predicted = RewardModels.fitted(actions, rewards, 3, np.array([1200, 1200]))
    np.testing.assert_allclose(predicted, rewards, atol=2e-3)
    log_policy = policies(2, 6, 3)
    exact = game.marginal_rewards(np.arange(2), log_policy)
    np.testing.assert_allclose(models.values(log_policy, own=False), exact, atol=2e-3)


def test_own_rewards_that_are_sums_over_others_are_recovered():
    """Costs that grow by as much with each further user are such."""
    game = Congestion(5, 3, range(2))
    game.costs[...] = 0.1 * np.arange(1, 6) + 0.05 * np.arange(3)[:, None]
    actions, rewards = played(game, 2000)
    models, predicted = RewardModels.fitted(actions, rewards, 3, np.array([2000, 2000]))
    np.testing.assert_allclose(predicted, rewards, atol=2e-3)
    log_policy = policies(2, 5, 3)
    exact = game.marginal_rewards(np.arange(2), log_policy)
    np.testing.assert_allclose(models.values(log_policy, own=True), exact, atol=2e-3)


@pytest.mark.parametrize("own", [False, True])
def test_values_are_the_means_of_what_the_models_predict(own):
    """By enumeration of all joint actions, from the definition of the model."""
    random = np.random.default_rng(1)
    game = Congestion(3, 2, range(2)) if own else pairs_only(3, 2, range(2))
    actions, rewards = played(game, 60)
    rewards = rewards + random.normal(size=rewards.shape)
    models, _ = RewardModels.fitted(actions, rewards, 2, np.array([60, 60]))
    log_policy = policies(2, 3, 2)
    values = models.values(log_policy, own=own)
    for row in range(2):

        def own_rewards(joint_action, row=row):
            total = np.zeros(3)
            for fold in range(2):
                z = np.zeros((3, 2))
                z[np.arange(3), joint_action] = 1
                z -= 0.5
                h, v = models.linear[row, fold], models.pairs[row, fold]
                if own:
                    slopes = (h + (v @ z.ravel()).reshape(3, 2)) / 2
                    total += slopes[np.arange(3), joint_action]
                else:
                    c = models.constant[row, fold]
                    total += (c + (h * z).sum() + z.ravel() @ v @ z.ravel() / 2) / 2
            return total.tolist()

        expected = enumeration.marginal_rewards(own_rewards, np.exp(log_policy[row]))
        np.testing.assert_allclose(values[row], expected, atol=1e-12)


def test_no_sample_is_predicted_by_a_model_that_has_seen_it():
    game = pairs_only(4, 3, range(1))
    actions, rewards = played(game, 200, rows=1)
    count = np.array([200])
    before = RewardModels.fitted(actions, rewards, 3, count)[1]
    for sample in (0, 7, 19, 190):
        changed = rewards.copy()
        changed[0, sample] += 5.0
        after = RewardModels.fitted(actions, changed, 3, count)[1]
        same_half = np.arange(200) % 2 == sample % 2
        np.testing.assert_array_equal(after[0, same_half], before[0, same_half])
        assert (after[0, ~same_half] != before[0, ~same_half]).any()


def test_noise_alone_is_hardly_modelled():
    rewards = np.random.default_rng(0).normal(size=(2, 600))
    actions, _ = played(pairs_only(6, 4, range(2)), 600)
    _, predicted = RewardModels.fitted(actions, rewards, 4, np.array([600, 600]))
    assert (predicted.var(axis=1) < 0.2).all()


@pytest.mark.parametrize("own", [False, True])
def test_doubly_robust_estimates_equal_their_definition(own):
    random = np.random.default_rng(2)
    rows, samples, agents, actions = 3, 14, 2, 3
    joint = random.integers(actions, size=(rows, samples, agents))
    weights = random.exponential(size=(rows, samples)) * random.integers(2, size=(rows, samples))
    shape = (rows, agents, samples) if own else (rows, samples)
    rewards = random.random(shape)
    predicted = 0.5 * rewards + 0.3 * random.random(shape)
    model_values = random.random((rows, agents, actions))
    log_policy = policies(rows, agents, actions)
    estimates = estimators.doubly_robust_rewards(
        JointActions.of(joint, actions),
        weights,
        rewards,
        log_policy,
        predicted,
        model_values,
        np.full(rows, samples),
        samples,
    ).values()
    for row in range(rows):
        expected = plain_loops.doubly_robust(
            np.exp(log_policy[row]),
            joint[row],
            weights[row],
            rewards[row].T if own else np.repeat(rewards[row][:, None], agents, axis=1),
            predicted[row].T if own else np.repeat(predicted[row][:, None], agents, axis=1),
            model_values[row],
        )
        np.testing.assert_allclose(estimates[row], expected, rtol=1e-10)


def test_a_model_that_explains_nothing_changes_nothing():
    random = np.random.default_rng(4)
    joint = JointActions.of(random.integers(3, size=(2, 50, 2)), 3)
    weights, rewards = random.exponential(size=(2, 50)), random.random((2, 50))
    count, log_policy = np.full(2, 50), policies(2, 2, 3)
    robust = estimators.doubly_robust_rewards(
        joint, weights, rewards, log_policy, -rewards, random.random((2, 2, 3)), count, 50
    )
    value = estimators.value_estimate(weights, rewards, count, 50)
    plain = estimators.marginal_rewards(
        joint, weights, rewards, log_policy, "bounded", 1.0, value, count
    )
    np.testing.assert_allclose(robust.values(), plain.values(), rtol=1e-12)


@pytest.mark.parametrize("rules", [pairs_only, Congestion])
def test_where_the_model_is_right_estimates_are_better_than_without_it(rules):
    """Squared errors of 20 games, one round each, summed: a factor of two."""
    rows = np.arange(20)
    game = rules(6, 3, range(20))
    world = NormalFormGame(game, Streams(range(20)), 0.0)
    base, target = policies(20, 6, 3, seed=1), policies(20, 6, 3, seed=2)
    exact = game.marginal_rewards(rows, target)
    data = world.collect(rows, BasePolicies.current(base), 1500)
    errors = {}
    for estimator in ("bounded", "doubly_robust"):
        data.prepare(estimation(estimator))
        data.weigh(target)
        found = data.action_values(target) - exact
        found -= found.mean(axis=-1, keepdims=True)
        errors[estimator] = (found**2).sum()
    assert 2 * errors["doubly_robust"] < errors["bounded"]


def test_the_model_alone_is_what_it_says_and_no_noise():
    game = pairs_only(6, 3, range(2))
    world = NormalFormGame(game, Streams(range(2)), 0.0)
    base, target = policies(2, 6, 3, seed=1), policies(2, 6, 3, seed=2)
    data = world.collect(np.arange(2), BasePolicies.current(base), 800)
    data.prepare(estimation("model"))
    data.weigh(target)
    signal = data.signal(target)
    np.testing.assert_array_equal(signal.values, data.model_values(target))
    exact = game.marginal_rewards(np.arange(2), target)
    np.testing.assert_allclose(signal.values, exact, atol=5e-3)
    assert (signal.noise == 0).all()


@pytest.mark.parametrize(
    ("overrides", "remedy"),
    [
        (["game.agents=1000", "game.actions=1000"], "the run would need about"),
    ],
)
def test_models_that_cannot_be_are_refused(overrides, remedy):
    with pytest.raises(InputError, match=remedy):
        compose("learner.estimator=doubly_robust", *overrides)


def test_where_data_do_not_cover_the_policy_the_model_is_not_believed_either():
    every = np.array(list(itertools.product(range(2), repeat=2)) * 5, dtype=np.uint8)
    rewards = every.sum(axis=1).astype(np.float32)
    base = np.log(np.full((1, 2, 2), 0.5))
    data = SampledExperience(SharedBuffer(every[None], rewards[None]), BasePolicies.current(base))
    data.prepare(estimation("doubly_robust"))
    data.weigh(base)
    data._weights *= 1e-6
    values = data.action_values(base)
    assert np.ptp(values, axis=-1).max() < 1e-4
