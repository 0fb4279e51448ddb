import numpy as np
import pytest
from worlds import learner_for, play, prediction

from marl_comm.algorithms.current_policy import CurrentPolicy
from marl_comm.command_line.composition import compose
from marl_comm.communication.adaptive import Adaptive
from marl_comm.errors import InputError
from marl_comm.experience import BasePolicies
from marl_comm.experience.estimators import renyi_divergence
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.graph import Graph
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.randomness import Streams


def trained_learner(updates=5, samples=None, step_size=2.0):
    """A learner at the end of its first round of `updates` local updates."""
    seeds = [0, 1, 2]
    game = NormalFormGame(Coverage(6, 4, seeds), Streams(seeds), 0.0)
    learner = learner_for(game, step_size=step_size)
    rows = np.arange(3)
    behaviours = BasePolicies.current(learner.log_policy, 8)
    learner.receive(rows, game.collect(rows, behaviours, samples))
    for _ in range(updates):
        learner.update()
    learner.weigh()
    return learner, game


def test_without_a_past_round_only_the_current_policy_is_planned():
    seeds = [0, 1]
    game = NormalFormGame(Coverage(3, 3, seeds), Streams(seeds), 0.0)
    bases = prediction().plan(learner_for(game), np.arange(2))
    assert bases.count.tolist() == [1, 1]
    np.testing.assert_array_equal(bases.log_policies[:, 0], game.initial_log_policy())


@pytest.mark.parametrize("spacing", [0.1, 0.5])
def test_neighbouring_bases_are_the_spacing_apart(spacing):
    learner, _ = trained_learner(step_size=0.2)
    bases = prediction(spacing=spacing, horizon="fixed", longest_round=400).plan(
        learner, np.arange(3)
    )
    assert (bases.count >= 5).all()
    for base in range(bases.count.min() - 1):
        apart = renyi_divergence(bases.log_policies[:, base + 1], bases.log_policies[:, base])
        # One local update of the path is the resolution.
        assert (apart >= spacing).all()
        assert (apart < 1.5 * spacing).all()


def test_the_line_goes_on_in_the_direction_of_the_last_gradients():
    """With step size eta and gradient g in every update, the k-th policy is pi exp(k eta g)."""
    learner, _ = trained_learner(updates=1)
    start = np.full_like(learner.log_policy, -np.log(4))
    direction = learner.log_policy - start
    for k, predicted in enumerate(learner.predict_line(np.arange(3), 3), start=1):
        logits = start + (1 + k) * direction
        expected = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        np.testing.assert_allclose(predicted, expected, atol=1e-12)


def test_rehearsal_is_what_the_learner_then_does_on_the_same_data():
    learner, _ = trained_learner(samples=200)
    rehearsed = list(learner.predict_rehearsal(np.array([0, 2]), 4))
    for predicted in rehearsed:
        learner.update()
        np.testing.assert_array_equal(predicted, learner.log_policy[[0, 2]])


def test_the_last_update_is_repeated_whatever_came_before_it():
    learner, _ = trained_learner(updates=3, samples=200)
    before = learner.log_policy.copy()
    learner.update()
    last = learner.log_policy - before
    for k, predicted in enumerate(learner.predict_last(np.array([0, 2]), 3), start=1):
        logits = (learner.log_policy + k * last)[[0, 2]]
        expected = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        np.testing.assert_allclose(predicted, expected, atol=1e-12)


def test_the_oracle_is_what_the_learner_does_with_exact_gradients():
    learner, _ = trained_learner(samples=None)
    learner.keep(np.array([0, 2]))
    exact = list(learner.predict_exact(np.array([1]), 4))
    for predicted in exact:
        learner.update()
        np.testing.assert_array_equal(predicted, learner.log_policy[[1]])


def test_on_a_right_model_predictions_are_those_of_the_oracle():
    seeds = [0, 1]
    rules = Graph(5, 3, seeds, degree=2, triples=0, coupling=0.5)
    game = NormalFormGame(rules, Streams(seeds), 0.0)
    learner = learner_for(game, step_size=5.0, estimator="doubly_robust")
    rows = np.arange(2)
    learner.receive(rows, game.collect(rows, BasePolicies.current(learner.log_policy), 2000))
    learner.update()
    for modelled, exact in zip(
        learner.predict_on_model(rows, 5), learner.predict_exact(rows, 5), strict=True
    ):
        np.testing.assert_allclose(np.exp(modelled), np.exp(exact), atol=0.02)


def test_a_model_that_is_not_there_is_told_with_what_to_type():
    with pytest.raises(InputError, match=r"set learner.estimator=doubly_robust"):
        compose("algorithm.predictor=model")


def test_bases_by_time_follow_the_local_updates():
    learner, _ = trained_learner()
    plan = prediction(spacing=3, spacing_unit="local_updates", horizon="fixed", longest_round=10)
    bases = plan.plan(learner, np.arange(3))
    path = list(learner.predict_line(np.arange(3), 10))
    assert bases.count.tolist() == [4, 4, 4]
    for base in (1, 2, 3):
        np.testing.assert_array_equal(bases.log_policies[:, base], path[3 * base - 1])


@pytest.mark.parametrize(
    ("count", "furthest", "wanted"),
    [(1, 0, 2), (2, 0, 2), (2, 1, 4), (4, 3, 8), (8, 7, 8), (8, 2, 4), (4, 1, 3)],
)
def test_the_horizon_follows_what_the_last_round_used(count, furthest, wanted):
    learner, game = trained_learner()
    rows = np.arange(3)
    behaviours = BasePolicies.current(learner.log_policy, 8)
    behaviours.count[:] = count
    learner.receive(rows, game.collect(rows, behaviours, None))
    learner.furthest[:] = furthest
    plan = prediction(spacing=1, spacing_unit="local_updates").plan(learner, rows)
    assert plan.count.tolist() == [wanted] * 3


def test_prediction_saves_rounds_where_gradients_are_exact():
    seeds = range(5)
    rounds = []
    for algorithm in (CurrentPolicy(reweighs=True), prediction(spacing=0.7, longest_round=500)):
        trace = play(
            Coverage(10, 5, seeds),
            Adaptive(0.5, 500),
            algorithm,
            seeds=seeds,
            local_steps=400,
            step_size=2.0,
            warmup=5,
        )
        rounds.append(np.median(trace.ledger.rounds))
    assert rounds[1] < 0.7 * rounds[0]
