"""Data of earlier rounds beside those of the latest one."""

from typing import get_args

import numpy as np
import plain_loops
import pytest
from worlds import estimation

from marl_comm.experience import BasePolicies
from marl_comm.experience.estimators import Estimator
from marl_comm.experience.mixture import Mixture
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.player import MarkovFormGame
from marl_comm.games.over_time.random_markov import RandomMarkov
from marl_comm.randomness import Streams
from marl_comm.rows import put, saved, take

ROWS = 3


def one_shot(agents=3):
    return NormalFormGame(Coverage(agents, 3, range(ROWS)), Streams(range(ROWS)), 0.0)


WORLDS = {
    "one_shot": one_shot,
    "finite": lambda: MarkovFormGame(
        RandomMarkov(3, 2, 3, 4, range(ROWS)), Streams(range(ROWS)), 0
    ),
    "discounted": lambda: MarkovFormGame(
        MarkovCongestion(4, (1.0, 2.0, 3.0), 5.0, 0.9, 4), Streams(range(ROWS)), 0.0
    ),
}
KINDS = pytest.mark.parametrize("kind", WORLDS)


def policies(world, seed, count=1):
    """(rows, count, ..., agents, actions), logarithms."""
    shape = world.initial_log_policy().shape
    random = np.random.default_rng(seed)
    drawn = random.dirichlet(np.ones(shape[-1]), size=(ROWS, count, *shape[1:-1]))
    return np.log(0.8 * drawn + 0.2 / shape[-1])


def play_round(world, seed, rows=None, samples=24):
    """Two base policies of which the second row uses only one."""
    rows = np.arange(ROWS) if rows is None else rows
    bases = BasePolicies(policies(world, seed, 2)[rows], np.array([2, 1, 2])[rows])
    bases.log_policies[rows == 1, 1] = bases.log_policies[rows == 1, 0]
    return world.collect(rows, bases, samples)


def learned(world, rounds, limit, estimator="bounded"):
    """What a learner has after rounds of the given rows, one after another."""
    asked = estimation(estimator, rounds=limit)
    kept = None
    for seed, rows in enumerate(rounds):
        fresh = play_round(world, seed, np.asarray(rows))
        if kept is not None:
            fresh.remember(kept, np.asarray(rows), limit)
        fresh.prepare(asked)
        fresh.weigh(policies(world, 99)[np.asarray(rows), 0])
        if kept is None or len(rows) == ROWS:
            kept = fresh
        else:
            put(kept, np.asarray(rows), fresh)
    return kept


def estimates(experience, log_policy):
    staleness = experience.weigh(log_policy)
    return {**vars(staleness), "values": experience.action_values(log_policy)}


def test_weights_are_ratios_to_all_that_was_played():
    world = one_shot()
    experience = learned(world, [[0, 1, 2], [0, 1, 2], [0, 1]], None)
    target = policies(world, 7)[:, 0]
    experience.weigh(target)
    for row, rounds in enumerate([[2, 1, 0], [2, 1, 0], [1, 0]]):
        bases, shares = [], []
        for seed in rounds:
            played = np.exp(policies(world, seed, 2)[row])
            bases += [played[0], played[1]] if row != 1 else [played[0]]
            shares += [0.5, 0.5] if row != 1 else [1.0]
        joint_actions = experience._buffer.joint_actions[row]
        samples = 24 * len(rounds)
        assert experience._mixture.total[row] == samples
        for sample in range(samples):
            expected = plain_loops.importance_weight(
                np.exp(target[row]), bases, np.array(shares) / len(rounds), joint_actions[sample]
            )
            assert experience._weights[row, sample] == pytest.approx(expected, rel=1e-9)
        assert (experience._weights[row, samples:] == 0).all()


@KINDS
@pytest.mark.parametrize("estimator", get_args(Estimator))
@pytest.mark.parametrize("weighted", [True, False])
def test_a_row_does_not_see_how_many_rounds_others_have(kind, estimator, weighted):
    """To the last bit: places that only other rows have data for change nothing."""
    if estimator == "joint" and kind == "discounted":
        return  # refused where agents have their own rewards
    among = WORLDS[kind]()
    rounds = [[0, 1, 2], [0], [0, 2], [0]]
    target = policies(among, 7)[:, 0]
    many = learned(among, rounds, None, estimator)
    for row in range(ROWS):
        own = WORLDS[kind]()
        kept = None
        for seed, rows in enumerate(rounds):
            if row not in rows:
                continue
            fresh = play_round(own, seed, np.array([row]))
            if kept is not None:
                fresh.remember(kept, np.array([0]), None)
            fresh.prepare(estimation(estimator, weighted=weighted))
            kept = fresh
        many.prepare(estimation(estimator, weighted=weighted))
        together = estimates(many, target)
        for name, value in estimates(kept, target[[row]]).items():
            np.testing.assert_array_equal(value[0], together[name][row], err_msg=name)


@KINDS
def test_only_so_many_rounds_are_kept_the_newest_first(kind):
    world, other = WORLDS[kind](), WORLDS[kind]()
    everyone = [0, 1, 2]
    kept = learned(world, [everyone] * 5, 2)
    rounds = [play_round(other, seed) for seed in range(5)]
    rounds[4].remember(rounds[3], np.arange(ROWS), None)
    rounds[4].prepare(estimation())
    assert kept._rounds == 2
    target = policies(world, 7)[:, 0]
    for name, value in estimates(rounds[4], target).items():
        np.testing.assert_array_equal(value, estimates(kept, target)[name])
    assert kept.traffic == play_round(other, 9).traffic


@KINDS
def test_a_checkpoint_holds_all_kept_rounds(kind):
    world = WORLDS[kind]()
    kept = learned(world, [[0, 1, 2], [0, 2], [1, 2], [2]], 3)
    restored = world.restore_experience(saved(kept))
    restored.prepare(estimation())
    target = policies(world, 7)[:, 0]
    before = estimates(kept, target)
    for name, value in estimates(restored, target).items():
        np.testing.assert_array_equal(value, before[name])
    chosen = np.array([2, 0])
    for name, value in estimates(take(kept, chosen), target[chosen]).items():
        np.testing.assert_array_equal(value, before[name][chosen])


def test_effective_samples_of_several_rounds_are_counted_in_rounds():
    """Fresh data twice over, from the same policy, are worth two rounds."""
    world = one_shot()
    bases = BasePolicies.current(world.initial_log_policy())
    first, second = (world.collect(np.arange(ROWS), bases, 24) for _ in range(2))
    second.remember(first, np.arange(ROWS), None)
    second.prepare(estimation(rounds=None))
    staleness = second.weigh(world.initial_log_policy())
    np.testing.assert_allclose(staleness.ess, 2.0)
    np.testing.assert_allclose(staleness.mean_weight, 1.0)


def test_estimates_from_several_rounds_are_unbiased():
    """Ordinary weights of two rounds: 3000 pairs of 10 samples, a fixed seed, 9 entries.

    At 5 standard errors, false alarms below 1e-5 over seeds. The baseline comes from the same
    samples, so the sum about the true value is tested instead.
    """
    repetitions = 3000
    game = Coverage(3, 3, [0])
    world = NormalFormGame(game, Streams(range(repetitions)), 0.0)
    random = np.random.default_rng(5)
    first, second, target = (
        np.repeat(0.8 * random.dirichlet(np.ones(3), size=(1, 3)) + 0.2 / 3, repetitions, axis=0)
        for _ in range(3)
    )
    rows = np.arange(repetitions)
    older, newer = (
        world.collect(rows, BasePolicies.current(np.log(base)), 10) for base in (first, second)
    )
    newer.remember(older, rows, None)
    newer.prepare(estimation("ordinary"))
    newer.weigh(np.log(target))
    exact = game.marginal_rewards(rows[:1], np.log(target[:1]))[0]
    value = (target[0] * exact).sum(axis=-1)[0]
    centred = newer._weights * (newer._rewards - value)
    sums = newer._joint_actions.total_per_action(centred) / 20
    error = sums.mean(axis=0) - target[0] * (exact - value)
    assert (np.abs(error) < 5 * sums.std(axis=0) / np.sqrt(repetitions)).all()


def test_mixtures_know_whose_each_sample_is():
    mixture = Mixture(np.zeros((2, 3, 1, 1)), np.array([[2, 0, 1], [1, 1, 0]]))
    np.testing.assert_array_equal(mixture.base_of_sample(4), [[0, 0, 2, 3], [0, 1, 3, 3]])
    np.testing.assert_array_equal(mixture.present(4).sum(axis=1), [3, 2])
