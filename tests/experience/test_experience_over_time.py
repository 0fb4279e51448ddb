import numpy as np
import pytest
from markov_rules import random_policy
from worlds import estimation

from marl_comm.experience import BasePolicies
from marl_comm.experience.estimators import effective_sample_size, renyi_divergence
from marl_comm.experience.over_time import SampledTrajectories
from marl_comm.experience.trajectory_buffer import TrajectoryBuffer
from marl_comm.games.over_time.climbing_chain import ClimbingChain
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.player import MarkovFormGame, play_episodes
from marl_comm.games.over_time.random_markov import RandomMarkov
from marl_comm.randomness import Streams
from marl_comm.rows import loaded, put, saved, take

KINDS = {
    "finite": lambda rows: RandomMarkov(3, 2, 3, 4, range(rows)),
    "discounted": lambda rows: MarkovCongestion(4, (1.0, 2.0, 3.0), 5.0, 0.9, 6),
}


def data(kind, rows=3, seed=0, episodes=12, estimator="bounded"):
    game = KINDS[kind](rows)
    log_bases = np.log(random_policy(game, 2 * rows, seed, floor=0.2))
    bases = BasePolicies(log_bases.reshape(rows, 2, *log_bases.shape[1:]), np.full(rows, 2))
    generators = [np.random.default_rng((seed, row)) for row in range(rows)]
    buffer = play_episodes(game, np.arange(rows), bases, episodes, generators)
    experience = SampledTrajectories(buffer, bases, game.discount)
    experience.prepare(estimation(estimator))
    return game, experience, buffer


def estimate(experience, log_policy):
    staleness = experience.weigh(log_policy)
    values = experience.action_values(log_policy)
    return *vars(staleness).values(), values


def test_a_team_reward_and_the_states_are_written_once_and_read_by_all():
    game = MarkovFormGame(RandomMarkov(3, 2, 3, 4, [0]), Streams([0]), 0.0)
    bases = BasePolicies.current(game.initial_log_policy())
    traffic = game.collect(np.array([0]), bases, 42).traffic  # ten episodes of four steps
    steps = 10 * 4
    assert traffic.samples == steps
    written = steps * 1 + steps * 4 + steps * 3  # states, rewards, actions of three agents
    assert traffic.bytes_up == written
    assert traffic.bytes_down == 3 * written - steps * 3  # all but the own actions


def test_own_rewards_are_written_by_each_agent_and_the_last_state_is_paid_for():
    game = MarkovFormGame(MarkovCongestion(4, (1.0, 2.0), 5.0, 0.9, 6), Streams([0]), 0.0)
    bases = BasePolicies.current(game.initial_log_policy())
    traffic = game.collect(np.array([0]), bases, 60).traffic  # ten episodes of six steps
    states, own = 10 * 7, 10 * 6 * (4 + 4 * 4)
    assert traffic.samples == 60
    assert traffic.bytes_up == states + own
    assert traffic.bytes_down == 4 * (states + own) - own


def test_types_are_the_smallest_that_hold_the_values():
    game = ClimbingChain(2, 300, 3, 2, 0.5)
    bases = BasePolicies.current(MarkovFormGame(game, Streams([0]), 0.0).initial_log_policy())
    buffer = play_episodes(game, np.array([0]), bases, 5, [np.random.default_rng(0)])
    assert buffer.joint_actions.dtype == np.uint16
    assert buffer.states.dtype == np.uint8
    assert buffer.rewards.dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_staleness_is_that_of_all_steps(kind):
    game, experience, buffer = data(kind)
    log_policy = np.log(random_policy(game, 3, seed=9, floor=0.2))
    staleness = experience.weigh(log_policy)
    policies = np.concatenate([log_policy[:, None], experience.behaviours.log_policies], axis=1)
    for row in range(3):
        decisions = []  # context, and the log-probabilities under the policy and both bases
        for step, episode in np.ndindex(game.steps, 12):
            state, layer = buffer.states[row, step, episode], min(step, game.layers - 1)
            chosen = policies[row][:, layer, state, np.arange(game.agents)]
            actions = buffer.joint_actions[row, step, episode]
            chosen = chosen[:, np.arange(game.agents), actions].sum(axis=1)
            decisions.append(((layer, state), int(episode >= 6), chosen))
        weights = []
        for context, _, (target, *of_bases) in decisions:
            came = [base for other, base, _ in decisions if other == context]
            mixture = sum(
                came.count(base) / len(came) * np.exp(of_bases[base]) for base in range(2)
            )
            weights.append(np.exp(target) / mixture)
        assert staleness.mean_weight[row] == pytest.approx(np.mean(weights), rel=1e-9)
        expected = effective_sample_size(np.array([weights]), len(weights))[0]
        assert staleness.ess[row] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_with_weights_of_prefixes_staleness_is_that_of_whole_episodes(kind):
    game, experience, buffer = data(kind, estimator="ordinary")
    log_policy = np.log(random_policy(game, 3, seed=9, floor=0.2))
    staleness = experience.weigh(log_policy)
    for row in range(3):
        weights = []
        for episode in range(12):
            log_target = 0.0
            log_bases = np.zeros(2)
            for step in range(game.steps):
                state, layer = buffer.states[row, step, episode], min(step, game.layers - 1)
                for agent, action in enumerate(buffer.joint_actions[row, step, episode]):
                    where = layer, state, agent, action
                    log_target += log_policy[(row, *where)]
                    log_bases += experience.behaviours.log_policies[(row, slice(None), *where)]
            weights.append(np.exp(log_target) / np.mean(np.exp(log_bases)))
        expected = effective_sample_size(np.array([weights]), len(weights))[0]
        assert staleness.ess[row] == pytest.approx(expected, rel=1e-9)
        assert staleness.mean_weight[row] == pytest.approx(np.mean(weights), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_divergence_is_pooled_over_the_steps_that_were_seen(kind):
    game, experience, buffer = data(kind)
    log_policy = np.log(random_policy(game, 3, seed=9, floor=0.2))
    staleness = experience.weigh(log_policy)
    for row in range(3):
        moments = np.zeros(2)
        for step, episode in np.ndindex(game.steps, 12):
            state, layer = buffer.states[row, step, episode], min(step, game.layers - 1)
            base = experience.behaviours.log_policies[row, :, layer, state]
            moments += np.exp(renyi_divergence(log_policy[row, layer, state], base))
        moments /= 12 * game.steps
        assert staleness.divergence[row] == pytest.approx(np.log(moments.min()))
        assert staleness.nearest[row] == moments.argmin()


@pytest.mark.parametrize("kind", KINDS)
def test_with_weights_of_prefixes_divergence_is_summed_over_the_states_that_were_seen(kind):
    game, experience, buffer = data(kind, estimator="ordinary")
    log_policy = np.log(random_policy(game, 3, seed=9, floor=0.2))
    staleness = experience.weigh(log_policy)
    for row in range(3):
        sums = np.zeros(2)
        for step, episode in np.ndindex(game.steps, 12):
            state, layer = buffer.states[row, step, episode], min(step, game.layers - 1)
            base = experience.behaviours.log_policies[row, :, layer, state]
            sums += renyi_divergence(log_policy[row, layer, state], base) / 12
        assert staleness.divergence[row] == pytest.approx(sums.min())
        assert staleness.nearest[row] == sums.argmin()


@pytest.mark.parametrize("estimator", ["bounded", "ordinary"])
def test_divergence_is_exact_where_there_is_a_single_state(estimator):
    game = RandomMarkov(3, 2, 1, 4, [0])
    log_policy, log_base = np.log(random_policy(game, 2, seed=1, floor=0.2))[:, None]
    bases = BasePolicies.current(log_base)
    buffer = play_episodes(game, np.array([0]), bases, 5, [np.random.default_rng(0)])
    experience = SampledTrajectories(buffer, bases, None)
    experience.prepare(estimation(estimator))
    exact = MarkovFormGame(game, Streams([0]), 0.0).divergences(
        np.array([0]), log_policy, log_base[:, None], single_steps=estimator == "bounded"
    )
    np.testing.assert_allclose(experience.weigh(log_policy).divergence, exact[:, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_rows_can_be_kept_and_replaced(kind):
    game, experience, _ = data(kind)
    log_policy = np.log(random_policy(game, 3, seed=9, floor=0.2))
    before = estimate(experience, log_policy)
    chosen = np.array([2, 0])
    kept = take(experience, chosen)
    for own, all_rows in zip(estimate(kept, log_policy[chosen]), before, strict=True):
        np.testing.assert_array_equal(own, all_rows[chosen])

    _, fresh, _ = data(kind, seed=1)
    fresh_figures = estimate(fresh, log_policy)
    put(experience, np.array([1]), take(fresh, np.array([1])))
    for mixed, old, new in zip(
        estimate(experience, log_policy), before, fresh_figures, strict=True
    ):
        np.testing.assert_array_equal(mixed[[0, 2]], old[[0, 2]])
        np.testing.assert_array_equal(mixed[1], new[1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_holds_all_that_matters(kind):
    game, experience, _ = data(kind)
    log_policy = np.log(random_policy(game, 3, seed=9, floor=0.2))
    kept = take(experience, np.array([2, 0]))
    put(experience, np.array([1]), take(kept, np.array([0])))
    state = saved(experience)
    buffer = loaded(TrajectoryBuffer, state["buffer"])
    restored = SampledTrajectories(buffer, loaded(BasePolicies, state["behaviours"]), game.discount)
    restored.prepare(estimation())
    assert restored.traffic == experience.traffic
    for old, new in zip(
        estimate(experience, log_policy), estimate(restored, log_policy), strict=True
    ):
        np.testing.assert_array_equal(old, new)


def test_the_buffer_counts_what_is_in_it():
    states = np.zeros((2, 3, 5), dtype=np.uint16)
    actions, rewards = np.zeros((2, 3, 5, 4), dtype=np.uint8), np.zeros((2, 3, 5), np.float32)
    traffic = TrajectoryBuffer(states, actions, rewards).traffic
    assert traffic.bytes_up == 15 * 2 + 15 * 4 + 15 * 4
