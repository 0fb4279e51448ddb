import numpy as np
import pytest
from markov_rules import random_policy

from marl_comm.experience import BasePolicies
from marl_comm.games.over_time import dynamic_programs
from marl_comm.games.over_time.climbing_chain import ClimbingChain
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.player import MarkovFormGame, play_episodes
from marl_comm.games.over_time.random_markov import RandomMarkov
from marl_comm.randomness import Streams


def test_play_follows_each_base_policy_and_the_game():
    """Frequencies of 40,000 episodes at a fixed seed, four standard errors at one half: 0.01."""
    game = RandomMarkov(2, 3, 3, 3, [7])
    policies = random_policy(game, 2, seed=3)
    bases = BasePolicies(np.log(policies)[None], np.array([2]))
    generators = [np.random.default_rng(5)]
    buffer = play_episodes(game, np.array([0]), bases, 80_001, generators)
    shares = bases.samples_per_base(80_001)[0]
    assert shares.tolist() == [40_001, 40_000]
    for base, part in enumerate((slice(0, shares[0]), slice(shares[0], None))):
        states = buffer.states[0, :, part]
        expected = game.initial_distribution[0]
        for step in range(game.steps):
            frequency = np.bincount(states[step], minlength=3) / states.shape[1]
            np.testing.assert_allclose(frequency, expected, atol=0.01)
            for state in range(3):
                taken = buffer.joint_actions[0, step, part][states[step] == state]
                for agent in range(2):
                    of_agent = np.bincount(taken[:, agent], minlength=3) / len(taken)
                    policy = policies[base, step, state, agent]
                    np.testing.assert_allclose(of_agent, policy, atol=0.02)
            log_policy = np.log(policies[base, step])[None]
            expected = expected @ game.transitions(np.array([0]), log_policy)[0]


def test_recorded_rewards_and_states_are_those_of_the_game():
    game = MarkovCongestion(4, (1.0, 2.0, 3.0), 5.0, 0.9, 6)
    bases = BasePolicies.current(MarkovFormGame(game, Streams([0]), 0.0).initial_log_policy())
    buffer = play_episodes(game, np.array([0]), bases, 20, [np.random.default_rng(1)])
    for step in range(game.steps):
        rewards, nexts = game.move(
            np.array([0]),
            buffer.states[:, step].astype(int),
            buffer.joint_actions[:, step],
            np.zeros((1, 20)),
        )
        np.testing.assert_array_equal(buffer.rewards[:, step], rewards.astype(np.float32))
        np.testing.assert_array_equal(buffer.states[:, step + 1], nexts)


def test_evaluation_reports_the_agent_wise_gap():
    game = MarkovCongestion(4, (1.0, 2.0, 3.0), 5.0, 0.9, 6)
    policy = random_policy(game, 1, seed=4)
    row = np.array([0])
    figures = MarkovFormGame(game, Streams([0]), 0.0).evaluate(row, np.log(policy))
    values, best = dynamic_programs.values_and_best_responses(game, row, np.log(policy))
    assert figures["value"] == pytest.approx(values.mean(axis=-1))
    gaps = [figures[f"agent_gap_{agent}"][0] for agent in range(4)]
    np.testing.assert_allclose(gaps, (best - values)[0])
    assert figures["nash_gap"][0] == max(gaps)
    assert min(gaps) < max(gaps)

    team = MarkovFormGame(ClimbingChain(3, 2, 2, 2, 0.5), Streams([0]), 0.0)
    named = {"value", "nash_gap", "distance"}
    assert set(team.evaluate(row, team.initial_log_policy())) == named


def test_noise_is_added_to_the_rewards_that_are_observed_only():
    """Standard deviation of 12,000 draws at a fixed seed, within 5 %."""
    seeds = [3, 4]
    rows = np.arange(2)

    def collected(noise):
        game = MarkovFormGame(RandomMarkov(2, 2, 2, 4, seeds), Streams(seeds), noise)
        return game.collect(rows, BasePolicies.current(game.initial_log_policy()), 6000)

    quiet, noisy = collected(0.0), collected(0.5)
    np.testing.assert_array_equal(quiet._buffer.states, noisy._buffer.states)
    noise = noisy._buffer.rewards - quiet._buffer.rewards
    assert np.std(noise) == pytest.approx(0.5, rel=0.05)
    assert not np.array_equal(noise[0], noise[1])
    assert abs(np.corrcoef(noise.ravel(), quiet._buffer.rewards.ravel())[0, 1]) < 0.05
