import itertools

import numpy as np
import pytest
from markov_rules import chain_rules, random_policy

from marl_comm.games.over_time import dynamic_programs
from marl_comm.games.over_time.climbing_chain import ClimbingChain

ROW = np.array([0])


def common_effort(game, effort):
    with np.errstate(divide="ignore"):
        one_hot = np.log(np.eye(game.actions)[effort])
    shape = (1, game.layers, game.states, game.agents, game.actions)
    return np.broadcast_to(one_hot, shape)


@pytest.mark.parametrize("sizes", [(2, 2, 2, 3), (3, 3, 3, 4), (4, 3, 4, 6)])
def test_the_known_optimum_is_that_of_a_central_planner(sizes):
    game = ClimbingChain(*sizes, penalty=0.5)
    rules = chain_rules(game)
    values = [0.0] * game.states
    for _ in range(game.steps):
        values = [
            max(
                rewards[0] + float(np.dot(nexts, values))
                for joint_action in itertools.product(range(game.actions), repeat=game.agents)
                for rewards, nexts in [rules.step(state, joint_action)]
            )
            for state in range(game.states)
        ]
    assert game.optimum() == pytest.approx(values[0])
    full_effort = common_effort(game, game.actions - 1)
    reached, best = dynamic_programs.values_and_best_responses(game, ROW, full_effort)
    np.testing.assert_allclose(reached, game.optimum())
    np.testing.assert_allclose(best, game.optimum())


@pytest.mark.parametrize("effort", [0, 1])
def test_every_common_effort_is_a_local_maximum_and_a_bad_one(effort):
    game = ClimbingChain(4, 3, 4, 6, penalty=0.5)
    values, best = dynamic_programs.values_and_best_responses(
        game, ROW, common_effort(game, effort)
    )
    np.testing.assert_allclose(best, values, atol=1e-15)
    assert values[0, 0] < 0.8 * game.optimum()
    if effort == 0:
        assert values[0, 0] == pytest.approx(0.5 / 1.5 / 4)


def test_other_policies_are_no_local_maxima():
    game = ClimbingChain(3, 3, 3, 4, penalty=0.5)
    log_policy = np.log(random_policy(game, 1, seed=0))
    values, best = dynamic_programs.values_and_best_responses(game, ROW, log_policy)
    assert (best - values).max() > 0.05


def test_fifty_states_need_no_table():
    game = ClimbingChain(10, 5, 50, 20, penalty=0.5)
    log_policy = np.log(random_policy(game, 1, seed=0))
    values, best = dynamic_programs.values_and_best_responses(game, ROW, log_policy)
    assert 0 < values[0, 0] < best[0, 0] < game.optimum()
