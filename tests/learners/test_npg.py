from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import TableGame, learner_for

from marl_comm.command_line.composition import compose
from marl_comm.experience import BasePolicies
from marl_comm.experience.estimators import Estimator
from marl_comm.games.one_shot.congestion import Congestion
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.player import MarkovFormGame
from marl_comm.games.over_time.random_markov import RandomMarkov
from marl_comm.randomness import Streams

IDENTITY = np.array([[[1.0, 0.0], [0.0, 0.5]]])


def exact_learner(payoff=IDENTITY, **options):
    game = NormalFormGame(TableGame(payoff), Streams(range(len(payoff))), 0.0)
    learner = learner_for(game, **options)
    rows = np.arange(len(payoff))
    learner.receive(rows, game.collect(rows, BasePolicies.current(learner.log_policy), None))
    return learner, game


def test_one_update_multiplies_by_the_exponential_of_the_marginal_reward():
    learner, _ = exact_learner(step_size=0.7)
    learner.update()
    # Against a uniform partner the actions are worth 1/2 and 1/4.
    odds = np.exp(0.7 * np.array([0.5, 0.25]))
    expected = odds / odds.sum()
    np.testing.assert_allclose(np.exp(learner.log_policy[0]), [expected, expected], rtol=1e-12)


def test_a_pure_equilibrium_of_higher_payoff_is_reached():
    learner, game = exact_learner()
    for _ in range(200):
        learner.update()
    assert np.exp(learner.log_policy[0, :, 0]).min() > 0.999
    assert game.evaluate(np.arange(1), learner.log_policy)["nash_gap"][0] < 1e-3


@given(st.floats(0.01, 1000.0), st.floats(1e-12, 0.3), st.integers(0, 10**6))
def test_policies_stay_on_the_simplex_and_off_its_edge(step_size, floor, seed):
    """However large the steps: probabilities sum to 1 and none is much below the floor."""
    payoff = np.random.default_rng(seed).random((2, 3, 3))
    learner, _ = exact_learner(payoff, step_size=step_size, policy_floor=floor)
    for _ in range(20):
        learner.update()
    policy = np.exp(learner.log_policy)
    assert np.isfinite(learner.log_policy).all()
    np.testing.assert_allclose(policy.sum(axis=-1), 1.0, rtol=1e-9)
    assert policy.min() >= floor / (1 + 3 * floor) * (1 - 1e-9)


CORNERED = {
    "coverage": lambda: NormalFormGame(Coverage(30, 3, [0]), Streams([0]), 0.0),
    "congestion": lambda: NormalFormGame(Congestion(30, 3, [0]), Streams([0]), 0.0),
    "random_markov": lambda: MarkovFormGame(RandomMarkov(3, 3, 3, 3, [0]), Streams([0]), 0.0),
    "markov_congestion": lambda: MarkovFormGame(
        MarkovCongestion(4, (1.0, 2.0, 3.0), 5.0, 0.9, 3), Streams([0]), 0.0
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "stale"])
@pytest.mark.parametrize("estimator", get_args(Estimator))
@pytest.mark.parametrize("game", CORNERED)
@given(step_size=st.sampled_from([1e-3, 1.0, 1000.0]), floor=st.sampled_from([1e-300, 1e-10]))
@settings(max_examples=6)
def test_data_without_any_weight_leave_the_learner_finite(
    game, estimator, weighted, step_size, floor
):
    """The data come from a corner of the simplex that the policy has all but left."""
    if estimator == "joint" and "congestion" in game:
        return  # refused where agents have their own rewards
    world = CORNERED[game]()
    learner = learner_for(
        world,
        policy_floor=floor,
        step_size=step_size,
        estimator=estimator,
        truncation=1e12,
        weighted=weighted,
    )
    corner = np.full(learner.log_policy.shape, np.log(floor))
    corner[..., 0] = 0.0
    rows = np.arange(1)
    learner.log_policy = corner[..., ::-1].copy()
    learner.receive(rows, world.collect(rows, BasePolicies.current(corner), 50))
    if floor == 1e-300:
        assert learner.weigh().ess[0] == 0.0, "some weight is not 0"
    for _ in range(4):
        staleness = learner.weigh()
        learner.update()
        assert np.isfinite(learner.log_policy).all()
        assert np.isfinite([*staleness.ess, *staleness.divergence]).all()
    for predict in (learner.predict_line, learner.predict_rehearsal):
        assert all(np.isfinite(predicted).all() for predicted in predict(rows, 3))


@pytest.mark.parametrize("exploration", [0.0, 0.1])
def test_exploration_changes_what_is_played_not_what_is_learned(exploration):
    learner, _ = exact_learner(exploration=exploration)
    behaviours = learner.behaviours_for(BasePolicies.current(np.log([[[0.9, 0.1], [0.2, 0.8]]])))
    played = np.exp(behaviours.log_policies[0, 0])
    np.testing.assert_allclose(
        played, (1 - exploration) * np.array([[0.9, 0.1], [0.2, 0.8]]) + exploration / 2
    )
    learner.update()
    np.testing.assert_allclose(np.exp(learner.log_policy).sum(axis=-1), 1.0)


def test_the_staleness_of_an_exact_round_is_the_divergence_from_its_start():
    learner, _ = exact_learner(step_size=1.0)
    assert learner.weigh().divergence[0] == pytest.approx(0.0, abs=1e-12)
    for _ in range(5):
        learner.update()
    staleness = learner.weigh()
    policy = np.exp(learner.log_policy[0])
    expected = np.log((policy**2 / 0.5).sum(axis=-1)).sum()
    assert staleness.divergence[0] == pytest.approx(expected)
    assert staleness.ess[0] == pytest.approx(np.exp(-expected))


def test_keeping_rows_keeps_their_future():
    payoffs = np.random.default_rng(2).random((3, 2, 2))
    all_rows, _game = exact_learner(payoffs)
    some_rows, _ = exact_learner(payoffs)
    some_rows.update()
    some_rows.keep(np.array([2, 0]))
    some_rows.update()
    for _ in range(2):
        all_rows.update()
    np.testing.assert_array_equal(some_rows.log_policy, all_rows.log_policy[[2, 0]])
    assert some_rows.rows == 2


def test_the_predicted_line_is_the_running_mean_of_the_changes():
    """The latest change counts a half, the one before a quarter, the first all that is left."""
    payoffs = np.random.default_rng(1).random((2, 3, 3))
    learner, _ = exact_learner(payoffs, step_size=0.8)
    policies = [learner.log_policy]
    for _ in range(4):
        learner.update()
        policies.append(learner.log_policy)
    changes = np.diff(policies, axis=0)
    shares = np.array([1 / 8, 1 / 8, 1 / 4, 1 / 2])
    direction = np.tensordot(shares, changes, axes=1)
    for ahead, predicted in enumerate(learner.predict_line(np.arange(2), 3), start=1):
        moved = np.exp(policies[-1] + ahead * direction)
        expected = moved / moved.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(np.exp(predicted), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("game", "expected"),
    [
        (("game=coverage",), 20.0),
        (("game=random_markov", "game.horizon=5"), 4.0),
        (("game=markov_congestion",), 1.0),
        (("game=coverage", "learner.step_size=3"), 3.0),
    ],
)
def test_left_to_itself_the_step_size_is_20_over_the_steps_of_an_episode(game, expected):
    config = compose("experiment=recommended", *game)
    assert config.learner.step_size_in(config) == expected
