import itertools

import numpy as np
import pytest
from markov_rules import congestion_rules, random_policy

from marl_comm.errors import InputError
from marl_comm.games.one_shot.loads import none_above
from marl_comm.games.over_time import dynamic_programs
from marl_comm.games.over_time.markov_congestion import DISTANCING, SAFE, MarkovCongestion

ROW = np.array([0])


def published(**changes):
    sizes = {"agents": 8, "weights": (1.0, 2.0, 4.0, 6.0), "penalty": 100.0, **changes}
    return MarkovCongestion(**sizes, discount=0.99, episode_steps=20)


@pytest.mark.parametrize(
    ("state", "loads", "next_state"),
    [
        (SAFE, (4, 4, 0, 0), SAFE),
        (SAFE, (5, 1, 1, 1), DISTANCING),
        (DISTANCING, (2, 2, 2, 2), SAFE),
        (DISTANCING, (3, 2, 2, 1), DISTANCING),
    ],
)
def test_the_published_rules(state, loads, next_state):
    game = published()
    joint_action = np.repeat(np.arange(4), loads)
    rewards, nexts = game.move(ROW, np.array([[state]]), joint_action[None, None], np.zeros((1, 1)))
    assert nexts.tolist() == [[next_state]]
    weight = {0: 1, 1: 2, 2: 4, 3: 6}
    pay = [weight[f] * loads[f] - 100 * (state == DISTANCING) for f in joint_action]
    np.testing.assert_allclose(rewards[0, 0], (np.array(pay) + 99) / 147)


@pytest.mark.parametrize(("agents", "facilities", "limit"), [(4, 2, 2), (5, 3, 2), (3, 2, 1)])
def test_no_facility_above_a_limit_by_enumeration(agents, facilities, limit):
    policy = np.random.default_rng(0).dirichlet(np.ones(facilities), size=(2, agents))
    expected = np.zeros_like(policy)
    for row in range(2):
        for joint_action in itertools.product(range(facilities), repeat=agents):
            if max(joint_action.count(f) for f in joint_action) > limit:
                continue
            chosen = [policy[row, j, f] for j, f in enumerate(joint_action)]
            for agent, facility in enumerate(joint_action):
                others = np.prod([p for j, p in enumerate(chosen) if j != agent])
                expected[row, agent, facility] += others
    np.testing.assert_allclose(none_above(limit, policy), expected, atol=1e-14)


def test_the_published_sizes_by_enumeration():
    """All 65,536 joint actions of the eight agents, in both states."""
    game = published()
    rules = congestion_rules(game)
    policy = random_policy(game, 1, seed=0)[:, 0]
    _, transitions = game.induced(ROW, np.log(policy))
    given = np.zeros((2, 4))
    for joint_action in rules.joint_actions():
        for state in (SAFE, DISTANCING):
            _, nexts = rules.step(state, joint_action)
            chosen = [policy[0, state, j, a] for j, a in enumerate(joint_action)]
            given[state, joint_action[3]] += np.prod(chosen) * nexts[DISTANCING]
    given /= policy[0, :, 3]
    np.testing.assert_allclose(transitions[0, :, 3, :, DISTANCING], given, atol=1e-13)


def test_gains_from_a_deviation_in_one_step_are_those_of_the_stage_potential():
    game = published(agents=5)
    policy = random_policy(game, 1, seed=2)
    rewards, _ = game.induced(ROW, np.log(policy)[:, 0])

    def potentials(changed):
        figures = game.own_figures(ROW, np.log(changed))
        return figures["stage_potential_safe"][0], figures["stage_potential_distancing"][0]

    rng = np.random.default_rng(3)
    for agent in range(5):
        deviation = policy.copy()
        deviation[0, 0, :, agent] = rng.dirichlet(np.ones(4), size=2)
        change = deviation[0, 0, :, agent] - policy[0, 0, :, agent]
        gain = (change * rewards[0, :, agent]).sum(axis=-1)
        np.testing.assert_allclose(
            np.subtract(potentials(deviation), potentials(policy)), gain, atol=1e-13
        )


def test_twenty_agents_need_no_table():
    game = published(agents=20)
    policy = random_policy(game, 2, seed=1)
    values, best = dynamic_programs.values_and_best_responses(game, np.arange(2), np.log(policy))
    assert (best > values).all()
    assert (values > 0).all()
    assert (best < 100).all()


def test_distancing_is_for_ever_where_too_few_facilities_exist():
    game = published(weights=(1.0, 2.0))
    _, transitions = game.induced(ROW, np.log(random_policy(game, 1, seed=1)[:, 0]))
    np.testing.assert_array_equal(transitions[:, DISTANCING, ..., SAFE], 0.0)


def test_loads_that_do_not_fit_are_refused_with_an_estimate():
    with pytest.raises(InputError, match=r"game.agents=100 game.actions=20: .* GiB per seed"):
        published(agents=100, weights=(1.0,) * 20)
