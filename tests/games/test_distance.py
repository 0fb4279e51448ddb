"""The distance of a policy from the first one, by its definition, and in rounds."""

import math

import numpy as np
import pytest
from markov_rules import probability, random_markov_rules, random_policy

from marl_comm.games.distance import figures_of_distance
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.over_time.player import MarkovFormGame
from marl_comm.games.over_time.random_markov import RandomMarkov
from marl_comm.randomness import Streams

ROWS = np.array([2, 0])


def test_it_is_the_divergence_from_the_uniform_policy_in_one_shot_games() -> None:
    game = NormalFormGame(Coverage(3, 4, range(3)), Streams(range(3)), 0.0, 1000)
    policy = np.random.default_rng(1).dirichlet(np.ones(4), size=(2, 3))
    figures = game.evaluate(ROWS, np.log(policy))
    for row in range(2):
        by_hand = 0.0
        for agent in range(3):
            by_hand += math.log(sum(policy[row, agent, a] ** 2 / 0.25 for a in range(4)))
        assert figures["distance"][row] == pytest.approx(by_hand)
        in_rounds = by_hand / (math.log(1000) - 2)
        assert figures["distance_rounds"][row] == pytest.approx(in_rounds)


def test_it_goes_from_nothing_to_the_logarithm_of_all_joint_actions() -> None:
    game = NormalFormGame(Coverage(3, 4, range(3)), Streams(range(3)), 0.0)
    first = game.evaluate(np.arange(3), game.initial_log_policy())
    assert first["distance"] == pytest.approx(np.zeros(3), abs=1e-12)
    with np.errstate(divide="ignore"):
        decided = np.log(np.eye(4)[[[0, 1, 3]] * 3])
    last = game.evaluate(np.arange(3), decided)
    assert last["distance"] == pytest.approx(np.full(3, 3 * math.log(4)))


def test_it_is_pooled_over_the_decisions_of_the_first_policy_in_games_over_time() -> None:
    rules = RandomMarkov(2, 2, 2, 3, [4])
    game = MarkovFormGame(rules, Streams([0]), 0.0, 600)
    policy, first = random_policy(rules, 1, seed=1), np.exp(game.initial_log_policy())
    second_moment = 0.0
    for trajectory in random_markov_rules(rules).trajectories():
        likely = trajectory.chance * probability(first[0], trajectory)
        for step, joint_action in enumerate(trajectory.joint_actions):
            weight = 1.0
            for agent, action in enumerate(joint_action):
                weight *= policy[0, step, trajectory.states[step], agent, action] * 2
            second_moment += likely * weight**2 / rules.steps
    figures = game.evaluate(np.array([0]), np.log(policy))
    assert figures["distance"][0] == pytest.approx(math.log(second_moment))
    in_rounds = math.log(second_moment) / (math.log(600) - 2)
    assert figures["distance_rounds"][0] == pytest.approx(in_rounds)


@pytest.mark.parametrize("samples", [None, 1, 7])
def test_what_cannot_get_anywhere_has_no_number_of_rounds(samples: int | None) -> None:
    assert set(figures_of_distance(np.ones(2), samples)) == {"distance"}
    assert set(figures_of_distance(np.ones(2), 8)) == {"distance", "distance_rounds"}
