"""Games of pairs and triples on a random graph."""

import itertools

import enumeration
import numpy as np
import pytest

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.games.one_shot.graph import Graph


def graph(agents, actions, seeds, degree=2, triples=1, coupling=0.5):
    return Graph(agents, actions, seeds, degree=degree, triples=triples, coupling=coupling)


def reward(game, index, joint_action):
    """By the definition, from the arrays that a run leaves."""
    arrays = {name: array[index] for name, array in game.arrays().items()}
    total = sum(arrays["fields"][agent, action] for agent, action in enumerate(joint_action))
    for agents, payoffs in (("pairs", "pair_payoffs"), ("threes", "triple_payoffs")):
        for those, payoff in zip(arrays[agents].astype(int), arrays[payoffs], strict=True):
            total += payoff[tuple(joint_action[agent] for agent in those)]
    return float(total)


@pytest.mark.parametrize(("degree", "triples"), [(2, 0), (0, 2), (3, 1), (0, 0)])
def test_rewards_and_exact_figures_equal_the_definition(degree, triples):
    game = graph(4, 3, [5, 6, 7], degree, triples)
    rows = np.array([2, 0])
    policy = enumeration.random_policy((2, 4, 3), seed=1)
    log_policy = enumeration.log_of(policy)
    every = list(itertools.product(range(3), repeat=4))
    rewards = game.rewards(rows, np.array([every, every], dtype=np.uint8))
    marginals, value = game.marginal_rewards(rows, log_policy), game.value(rows, log_policy)
    for row, index in enumerate(rows):

        def own_rewards(joint_action, index=index):
            return [reward(game, index, joint_action)] * 4

        assert rewards[row] == pytest.approx([reward(game, index, a) for a in every], abs=1e-14)
        expected = enumeration.marginal_rewards(own_rewards, policy[row])
        assert marginals[row] == pytest.approx(expected, abs=1e-13)
        assert value[row] == pytest.approx(
            enumeration.expectation(own_rewards, policy[row])[0], abs=1e-13
        )


def test_every_agent_draws_as_many_others_as_asked_and_never_itself():
    game = graph(6, 2, range(20), degree=5, triples=2)
    for pairs, threes in zip(game.pairs, game.threes, strict=True):
        for agent in range(6):
            mine = pairs[5 * agent : 5 * agent + 5]
            assert (mine[:, 0] == agent).all()
            assert sorted(mine[:, 1]) == [other for other in range(6) if other != agent]
        assert all(len(set(three)) == 3 for three in threes.tolist())


def test_a_row_is_bit_identical_whichever_rows_are_beside_it():
    game = graph(7, 4, range(9))
    log_policy = enumeration.log_of(enumeration.random_policy((9, 7, 4), seed=1))
    actions = np.random.default_rng(0).integers(0, 4, (9, 50, 7)).astype(np.uint8)
    together = game.marginal_rewards(np.arange(9), log_policy), game.rewards(np.arange(9), actions)
    for rows in ([3], [8, 2]):
        marginals = game.marginal_rewards(np.array(rows), log_policy[rows])
        np.testing.assert_array_equal(marginals, together[0][rows])
        rewards = game.rewards(np.array(rows), actions[rows])
        np.testing.assert_array_equal(rewards, together[1][rows])


def test_the_draw_of_a_seed_does_not_depend_on_the_other_seeds():
    alone, among = graph(5, 3, [4]).arrays(), graph(5, 3, [3, 4]).arrays()
    for name, array in alone.items():
        np.testing.assert_array_equal(array[0], among[name][1], err_msg=name)


def test_rewards_are_between_0_and_1():
    game = graph(8, 3, range(30), degree=7, triples=3, coupling=9.0)
    actions = np.random.default_rng(0).integers(0, 3, (30, 200, 8)).astype(np.uint8)
    rewards = game.rewards(np.arange(30), actions)
    assert (rewards >= 0).all()
    assert (rewards < 1).all()


@pytest.mark.parametrize(
    ("overrides", "remedy"),
    [
        (["game.agents=3", "game.degree=3"], "set game.degree to 2 or less"),
        (["game.agents=2", "game.degree=1", "game.triples=1"], "set game.triples=0"),
    ],
)
def test_more_partners_than_there_are_are_refused(overrides, remedy):
    with pytest.raises(InputError, match=remedy):
        compose("game=graph", *overrides)
