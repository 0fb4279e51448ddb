"""How models of rewards are fitted: features, early stopping, and which pairs join."""

import numpy as np
import plain_loops
import pytest

from marl_comm.experience import least_squares, own_model, pair_model
from marl_comm.games.one_shot.congestion import Congestion
from marl_comm.games.one_shot.graph import Graph


def joint_actions(samples, agents, actions, seed=0, skew=1.0):
    """Drawn from a product of policies that differ from uniform the more, the smaller skew is."""
    random = np.random.default_rng(seed)
    policy = random.dirichlet(np.full(actions, skew), agents)
    draws = [random.choice(actions, samples, p=each) for each in policy]
    return np.stack(draws, axis=1).astype(np.uint8)


def features(kind, seen, unseen, actions):
    if kind == "tables":
        return pair_model._Tables(seen, unseen, np.array([[0, 2], [1, 2]]), actions), 1
    if kind == "all pairs":
        places = pair_model.centred(seen, actions), pair_model.centred(unseen, actions)
        return pair_model._AllPairs(*places, seen.shape[1]), 1
    return own_model._OwnFeatures(seen, unseen, actions), seen.shape[1]


KINDS = pytest.mark.parametrize("kind", ["tables", "all pairs", "own"])


@KINDS
def test_what_goes_back_is_the_transpose_of_what_predicts(kind):
    """<X p, e> = <p, X' e>, and preconditioning is a symmetric positive matrix."""
    seen, unseen = joint_actions(40, 3, 3), joint_actions(7, 3, 3, seed=1)
    asked, problems = features(kind, seen, unseen, 3)
    random = np.random.default_rng(2)
    first, second = (asked.transposed(random.normal(size=(problems, 40))) for _ in range(2))
    errors = random.normal(size=(problems, 40))
    forwards = (asked.seen(first) * errors).sum()
    np.testing.assert_allclose(forwards, (first * asked.transposed(errors)).sum(), rtol=1e-4)
    one, other = asked.preconditioned(first), asked.preconditioned(second)
    np.testing.assert_allclose((one * second).sum(), (first * other).sum(), rtol=1e-6)
    assert (one * first).sum() > 0
    both, _ = features(kind, unseen, seen, 3)
    if kind != "own":  # own actions' features are centred by the seen samples
        np.testing.assert_allclose(asked.unseen(first), both.seen(first), rtol=1e-4, atol=1e-6)


@KINDS
def test_where_samples_are_many_the_fit_is_that_of_least_squares(kind):
    """What is left is orthogonal to every feature, as the definition of least squares says."""
    seen, unseen = joint_actions(4000, 3, 2), joint_actions(4000, 3, 2, seed=0)
    asked, problems = features(kind, seen, unseen, 2)
    rewards = np.random.default_rng(1).normal(size=(problems, 4000))
    found = least_squares.fit(asked, rewards, rewards, 0.0)
    left = rewards - asked.seen(found.parameters)
    assert np.abs(asked.transposed(left)).max() < 0.1 * np.abs(asked.transposed(rewards)).max()


def test_held_out_samples_stop_what_only_noise_would_gain_from():
    """80 numbers, 60 samples of noise: fitted to the end they would predict twice the variance.

    Mean of 40 draws: at most 0.15 is explained, three standard errors above the mean found.
    """
    explained = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        played = random.integers(4, size=(60, 5))
        model = pair_model.fit(played, random.normal(size=60), 4)
        fresh = random.integers(4, size=(500, 5))
        explained.append(model.predict(fresh).var())
    assert np.mean(explained) < 0.15


def test_a_model_predicts_what_plain_loops_over_its_definition_do():
    played = joint_actions(300, 4, 3)
    rewards = np.random.default_rng(3).random(300) + played[:, 0] * played[:, 2]
    model = pair_model.fit(played, rewards, 3)
    assert np.abs(model.pairs).max() > 0
    expected = [
        plain_loops.pair_reward(model.constant, model.linear, model.pairs, each, 3)
        for each in played
    ]
    np.testing.assert_allclose(model.predict(played), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(model.pairs, model.pairs.T)


def test_an_own_model_predicts_what_plain_loops_over_its_definition_do():
    played = joint_actions(300, 4, 3)
    rewards = Congestion(4, 3, [0]).rewards(np.arange(1), played[None])[0].T
    model = own_model.fit(played, rewards, 3)
    expected = plain_loops.own_pair_rewards(model.linear, model.pairs, played, 3)
    np.testing.assert_allclose(model.predict(played), expected, rtol=1e-4, atol=1e-5)


def test_an_own_actions_mean_is_its_own_however_rare_it_is():
    """Nothing but the own action matters; one of them is taken once in fifty times."""
    played = joint_actions(2000, 3, 2)
    played[:, 0] = np.arange(2000) % 50 == 7
    rewards = np.broadcast_to(played[:, 0].astype(float), (3, 2000))
    model = own_model.fit(played, rewards, 2)
    np.testing.assert_allclose(model.predict(played)[0], rewards[0], atol=1e-4)


def test_own_rewards_are_recovered_however_unevenly_actions_are_played():
    """Each further user of a resource costs as much: a sum over the others, without noise."""
    played = joint_actions(3000, 5, 3, skew=2.0)
    same = played[:, :, None] == played[:, None, :]
    rewards = (1.0 + 0.3 * played - 0.2 * (1 + played) * (same.sum(axis=2) - 1)).T
    model = own_model.fit(played, rewards, 3)
    np.testing.assert_allclose(model.predict(played), rewards, atol=0.02)


def test_where_pairs_are_more_than_samples_those_that_matter_are_found():
    """30 agents have 435 pairs, 2,900 numbers or so; 900 samples see a game of some 60 pairs.

    All pairs at once leave half of the variance of what pairs add unexplained.
    """
    game = Graph(30, 3, [5], degree=2, triples=0, coupling=0.5)
    played = joint_actions(2400, 30, 3, skew=100.0)
    rewards = game.rewards(np.arange(1), played[None])[0]
    model = pair_model.fit(played[:2000], rewards[:2000], 3)
    left = (model.predict(played[2000:]) - rewards[2000:]).var() / rewards[2000:].var()
    assert left < 1e-4
    strength = np.abs(model.pairs).reshape(30, 3, 30, 3).max(axis=(1, 3))
    real = {tuple(sorted(pair)) for pair in game.pairs[0].tolist()}
    first, second = np.nonzero(np.triu(strength > 0.03 * strength.max()))
    found = set(zip(first.tolist(), second.tolist(), strict=True))
    assert found <= real
    assert len(found) > 0.95 * len(real)


@pytest.mark.parametrize("samples", [1, 2, 3, 11])
def test_few_samples_leave_a_finite_model(samples):
    played = joint_actions(samples, 3, 2)
    rewards = np.linspace(0.0, 1.0, samples)
    assert np.isfinite(pair_model.fit(played, rewards, 2).predict(played)).all()
    own = own_model.fit(played, np.tile(rewards, (3, 1)), 2)
    assert np.isfinite(own.predict(played)).all()
