"""What all Markov games promise, checked against their rules in plain loops."""

import numpy as np
import pytest
from markov_rules import examples, random_policy

NAMES = ["random_markov", "markov_congestion", "climbing_chain"]
ROWS = np.arange(2)


@pytest.mark.parametrize("name", NAMES)
def test_induced_problems_are_averages_over_the_others_actions(name):
    game, rules_of = examples()[name]
    policy = random_policy(game, 2, seed=1)[:, 0]
    rewards, transitions = game.induced(ROWS, np.log(policy))
    mean_transitions = game.transitions(ROWS, np.log(policy))
    for row in ROWS:
        rules = rules_of(row)
        plain_rewards = np.zeros_like(rewards[row])
        plain_transitions = np.zeros_like(transitions[row])
        plain_mean = np.zeros_like(mean_transitions[row])
        for state in range(game.states):
            for joint_action in rules.joint_actions():
                received, nexts = rules.step(state, joint_action)
                chosen = [policy[row, state, j, a] for j, a in enumerate(joint_action)]
                plain_mean[state] += np.prod(chosen) * np.array(nexts)
                for agent, action in enumerate(joint_action):
                    others = np.prod([p for j, p in enumerate(chosen) if j != agent])
                    plain_rewards[state, agent, action] += others * received[agent]
                    plain_transitions[state, agent, action] += others * np.array(nexts)
        np.testing.assert_allclose(rewards[row], plain_rewards, atol=1e-13)
        np.testing.assert_allclose(transitions[row], plain_transitions, atol=1e-13)
        np.testing.assert_allclose(mean_transitions[row], plain_mean, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_moves_follow_the_rules(name):
    """Every joint action in every state, chance on an even grid, so that frequencies are exact."""
    game, rules_of = examples()[name]
    grid = (np.arange(500) + 0.5) / 500
    for state in range(game.states):
        for joint_action in rules_of(0).joint_actions():
            states = np.full((2, 500), state)
            actions = np.broadcast_to(np.array(joint_action, dtype=np.uint8), (2, 500, game.agents))
            uniform = np.stack([grid, grid])
            rewards, nexts = game.move(ROWS, states, actions, uniform)
            for row in ROWS:
                received, probabilities = rules_of(row).step(state, joint_action)
                expected = received[0] if game.common_reward else received
                np.testing.assert_allclose(rewards[row], np.full_like(rewards[row], expected))
                frequency = np.bincount(nexts[row], minlength=game.states) / 500
                np.testing.assert_allclose(frequency, probabilities, atol=1 / 500)


@pytest.mark.parametrize("name", NAMES)
def test_rewards_lie_in_the_unit_interval_and_probabilities_sum_to_one(name):
    game, rules_of = examples()[name]
    for state in range(game.states):
        for joint_action in rules_of(0).joint_actions():
            received, _ = rules_of(0).step(state, joint_action)
            most = 1 / game.steps if game.discount is None else 1
            assert all(0 <= reward <= most + 1e-15 for reward in received)
    _, transitions = game.induced(ROWS, np.log(random_policy(game, 2, seed=3)[:, 0]))
    np.testing.assert_allclose(transitions.sum(axis=-1), 1.0)
    np.testing.assert_allclose(game.initial_distribution.sum(axis=-1), 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_rows_do_not_depend_on_each_other_to_the_last_bit(name):
    game, _ = examples()[name]
    log_policy = np.log(random_policy(game, 2, seed=2)[:, 0])
    together = (*game.induced(ROWS, log_policy), game.transitions(ROWS, log_policy))
    one = np.array([1])
    alone = (*game.induced(one, log_policy[1:]), game.transitions(one, log_policy[1:]))
    for all_rows, single in zip(together, alone, strict=True):
        np.testing.assert_array_equal(all_rows[1:], single)


@pytest.mark.parametrize("name", NAMES)
def test_pure_policies_are_allowed(name):
    game, rules_of = examples()[name]
    with np.errstate(divide="ignore"):
        pure = np.log(np.eye(game.actions)[np.zeros((2, game.states, game.agents), dtype=int)])
    rewards, transitions = game.induced(ROWS, pure)
    received, nexts = rules_of(1).step(0, (0,) * game.agents)
    np.testing.assert_allclose(rewards[1, 0, :, 0], received, atol=1e-14)
    np.testing.assert_allclose(transitions[1, 0, 0, 0], nexts, atol=1e-14)
