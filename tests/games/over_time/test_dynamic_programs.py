"""Exact figures against listing every trajectory, and against programs written as loops."""

import itertools
import math

import numpy as np
import pytest
from markov_rules import (
    Rules,
    chain_rules,
    congestion_rules,
    probability,
    random_markov_rules,
    random_policy,
)

from marl_comm.games.over_time import dynamic_programs
from marl_comm.games.over_time.climbing_chain import ClimbingChain
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.random_markov import RandomMarkov

ONE = np.array([0])


def finite_games():
    random_markov = RandomMarkov(2, 2, 2, 3, [4])
    chain = ClimbingChain(2, 2, 2, 3, 0.6)
    return [
        pytest.param(random_markov, random_markov_rules(random_markov), id="random_markov"),
        pytest.param(chain, chain_rules(chain), id="climbing_chain"),
    ]


def congestion():
    game = MarkovCongestion(3, (1.0, 2.5), 4.0, 0.7, 4)
    return game, congestion_rules(game)


def value_by_listing(rules: Rules, policy):
    return sum(
        trajectory.chance * probability(policy, trajectory) * np.sum(trajectory.rewards, axis=0)
        for trajectory in rules.trajectories()
    )


@pytest.mark.parametrize(("game", "rules"), finite_games())
def test_values_gaps_and_action_values_by_listing_every_trajectory(game, rules):
    policy = random_policy(game, 1, seed=8)
    values, best = dynamic_programs.values_and_best_responses(game, ONE, np.log(policy))
    np.testing.assert_allclose(values[0], value_by_listing(rules, policy[0]), atol=1e-13)

    # A best response by trying every deterministic policy of each agent.
    contexts = list(itertools.product(range(game.steps), range(game.states)))
    for agent in range(game.agents):
        tried = []
        for choices in itertools.product(range(game.actions), repeat=len(contexts)):
            changed = policy[0].copy()
            for (step, state), action in zip(contexts, choices, strict=True):
                changed[step, state, agent] = np.eye(game.actions)[action]
            tried.append(value_by_listing(rules, changed)[agent])
        assert best[0, agent] == pytest.approx(max(tried), abs=1e-13)
    gaps = dynamic_programs.agent_gaps(values, best)
    np.testing.assert_allclose(gaps, best - values)

    own = dynamic_programs.action_values(game, ONE, np.log(policy))[0]
    for step, state, agent, action in np.ndindex(own.shape):
        total = reached = 0.0
        for trajectory in rules.trajectories():
            joint_action = trajectory.joint_actions[step]
            if trajectory.states[step] == state and joint_action[agent] == action:
                likely = trajectory.chance * probability(policy[0], trajectory)
                total += likely * sum(rewards[agent] for rewards in trajectory.rewards[step:])
                reached += likely
        if reached > 0:
            assert own[step, state, agent, action] == pytest.approx(total / reached, abs=1e-12)


def test_discounted_values_and_gaps_by_iterating_plain_loops():
    game, rules = congestion()
    policy = random_policy(game, 1, seed=3)
    joint_actions = list(rules.joint_actions())

    def backup(values, agent, best):
        result = [0.0] * game.states
        for state in range(game.states):
            own = [0.0] * game.actions
            for joint_action in joint_actions:
                rewards, nexts = rules.step(state, joint_action)
                others = math.prod(
                    policy[0, 0, state, j, a] for j, a in enumerate(joint_action) if j != agent
                )
                future = sum(p * v for p, v in zip(nexts, values, strict=True))
                own[joint_action[agent]] += others * (rewards[agent] + game.discount * future)
            mean = sum(policy[0, 0, state, agent, a] * q for a, q in enumerate(own))
            result[state] = max(own) if best else mean
        return result, own

    values, best = dynamic_programs.values_and_best_responses(game, ONE, np.log(policy))
    own = dynamic_programs.action_values(game, ONE, np.log(policy))
    assert own.shape == (1, 1, 2, 3, 2)
    for agent in range(game.agents):
        plain, plain_best = [0.0] * 2, [0.0] * 2
        for _ in range(100):  # 0.7^100 is below rounding
            plain, last_own = backup(plain, agent, best=False)
            plain_best, _ = backup(plain_best, agent, best=True)
        assert values[0, agent] == pytest.approx(np.mean(plain), abs=1e-12)
        assert best[0, agent] == pytest.approx(np.mean(plain_best), abs=1e-12)
        np.testing.assert_allclose(own[0, 0, 1, agent], last_own, atol=1e-12)


@pytest.mark.parametrize("discount", [0.3, 0.9])
def test_discounted_best_responses_are_where_value_iteration_ends(discount):
    """In random decision problems (6 rows, 5 states, 3 agents, 4 actions)."""
    random = np.random.default_rng(1)
    rewards = random.random((6, 5, 3, 4))
    transitions = random.dirichlet(np.full(5, 0.2), size=(6, 5, 3, 4))
    start = random.dirichlet(np.ones(4), size=(6, 5, 3))
    best = dynamic_programs._discounted_best_responses(rewards, transitions, start, discount)
    values = np.zeros((6, 5, 3))
    for _ in range(400):
        ahead = np.einsum("rsiat,rti->rsia", transitions, values)
        values = (rewards + discount * ahead).max(axis=-1)
    np.testing.assert_allclose(best, values, atol=1e-12)


@pytest.mark.parametrize(("game", "rules"), [*finite_games(), congestion()])
def test_divergence_of_trajectories_by_listing_every_trajectory(game, rules):
    policy = random_policy(game, 1, seed=1, floor=0.1)
    base = random_policy(game, 1, seed=2, floor=0.1)
    second_moment = 0.0
    for trajectory in rules.trajectories():
        of_base = probability(base[0], trajectory)
        ratio = probability(policy[0], trajectory) / of_base
        second_moment += trajectory.chance * of_base * ratio**2
    divergence = dynamic_programs.trajectory_divergence(game, ONE, np.log(policy), np.log(base))
    assert divergence[0] == pytest.approx(math.log(second_moment), rel=1e-10)
    same = dynamic_programs.trajectory_divergence(game, ONE, np.log(policy), np.log(policy))
    assert same[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("game", "rules"), [*finite_games(), congestion()])
def test_divergence_of_decisions_by_listing_every_trajectory(game, rules):
    policy = random_policy(game, 1, seed=1, floor=0.1)
    base = random_policy(game, 1, seed=2, floor=0.1)
    second_moment = 0.0
    for trajectory in rules.trajectories():
        of_base = trajectory.chance * probability(base[0], trajectory)
        for step, joint_action in enumerate(trajectory.joint_actions):
            ratio = 1.0
            for agent, action in enumerate(joint_action):
                where = min(step, game.layers - 1), trajectory.states[step], agent, action
                ratio *= policy[0][where] / base[0][where]
            second_moment += of_base * ratio**2 / game.steps
    divergence = dynamic_programs.decision_divergence(game, ONE, np.log(policy), np.log(base))
    assert divergence[0] == pytest.approx(math.log(second_moment), rel=1e-10)
    same = dynamic_programs.decision_divergence(game, ONE, np.log(policy), np.log(policy))
    assert same[0] == pytest.approx(0.0, abs=1e-12)


def test_divergence_stays_finite_where_second_moments_overflow():
    game = MarkovCongestion(8, (1.0, 2.0, 4.0, 6.0), 100.0, 0.99, 20)
    log_policy = np.full((1, 1, 2, 8, 4), math.log(1e-10))
    log_policy[..., 0] = math.log1p(-3e-10)
    log_base = np.roll(log_policy, 1, axis=-1)
    divergence = dynamic_programs.trajectory_divergence(game, ONE, log_policy, log_base)
    assert divergence[0] == pytest.approx(20 * 8 * 10 * math.log(10), rel=1e-6)
    divergence = dynamic_programs.decision_divergence(game, ONE, log_policy, log_base)
    assert divergence[0] == pytest.approx(8 * 10 * math.log(10), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_rows_do_not_depend_on_each_other_to_the_last_bit(seed):
    rows = np.arange(3)
    for game in (RandomMarkov(3, 2, 4, 3, rows), congestion()[0], ClimbingChain(3, 3, 4, 3, 0.5)):
        log_policy = np.log(random_policy(game, 3, seed=seed))
        log_base = np.log(random_policy(game, 3, seed=seed + 10))
        one = np.array([1])
        together = (
            *dynamic_programs.values_and_best_responses(game, rows, log_policy),
            dynamic_programs.action_values(game, rows, log_policy),
            dynamic_programs.trajectory_divergence(game, rows, log_policy, log_base),
            dynamic_programs.decision_divergence(game, rows, log_policy, log_base),
        )
        alone = (
            *dynamic_programs.values_and_best_responses(game, one, log_policy[1:2]),
            dynamic_programs.action_values(game, one, log_policy[1:2]),
            dynamic_programs.trajectory_divergence(game, one, log_policy[1:2], log_base[1:2]),
            dynamic_programs.decision_divergence(game, one, log_policy[1:2], log_base[1:2]),
        )
        for all_rows, single in zip(together, alone, strict=True):
            np.testing.assert_array_equal(all_rows[1:2], single)
