import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import TableGame, estimation, play, prediction

from marl_comm.algorithms.current_policy import CurrentPolicy
from marl_comm.communication.adaptive import Adaptive
from marl_comm.communication.missing import Missing
from marl_comm.communication.periodic import Periodic
from marl_comm.communication.unlimited import Unlimited
from marl_comm.experience import BasePolicies
from marl_comm.games.one_shot.congestion import Congestion
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.one_shot.random_potential import RandomPotential
from marl_comm.games.over_time.climbing_chain import ClimbingChain
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.random_markov import RandomMarkov
from marl_comm.randomness import Streams, generator

GAMES = {
    "coverage": lambda seeds: Coverage(4, 3, seeds),
    "congestion": lambda seeds: Congestion(4, 3, seeds),
    "random_potential": lambda seeds: RandomPotential(4, 3, seeds),
    "random_markov": lambda seeds: RandomMarkov(3, 2, 3, 3, seeds),
    "markov_congestion": lambda seeds: MarkovCongestion(4, (1.0, 2.0), 5.0, 0.9, 3),
    "climbing_chain": lambda seeds: ClimbingChain(3, 3, 3, 3, 0.5),
}


def missing(seeds, probability=0.7):
    return Missing(probability, [generator(seed, "schedule") for seed in seeds])


def schedules(seeds):
    return {
        "unlimited": Unlimited(),
        "periodic": Periodic(4),
        "missing": missing(seeds),
        "adaptive": Adaptive(0.6, 20),
    }


@pytest.mark.parametrize("game", ["coverage", "random_markov", "climbing_chain"])
def test_in_exact_mode_all_algorithms_and_schedules_trace_the_same_policies(game):
    seeds = range(3)
    reference = play(GAMES[game](seeds), Unlimited(), seeds=seeds)
    for schedule in ("periodic", "missing", "adaptive"):
        for algorithm in (
            CurrentPolicy(reweighs=True),
            prediction(),
            prediction(horizon="fixed", spacing=2, spacing_unit="local_updates"),
        ):
            trace = play(GAMES[game](seeds), schedules(seeds)[schedule], algorithm, seeds=seeds)
            assert trace.ledger.rounds.max() < reference.ledger.rounds.min()
            for step, other in zip(reference.steps, trace.steps, strict=True):
                assert (step["row"], step["local_step"]) == (other["row"], other["local_step"])
                np.testing.assert_array_equal(step["policy"], other["policy"])


@pytest.mark.parametrize("schedule", ["unlimited", "periodic", "missing", "adaptive"])
@pytest.mark.parametrize("algorithm", ["current", "line", "rehearse"])
@pytest.mark.parametrize("game", GAMES)
def test_a_seed_does_not_depend_on_the_seeds_beside_it(game, algorithm, schedule):
    """To the last bit, also where the other seeds end earlier."""
    seeds = [4, 7, 9, 11]

    def run(some_seeds):
        plan = (
            CurrentPolicy(reweighs=True)
            if algorithm == "current"
            else prediction(predictor=algorithm)
        )
        return play(
            GAMES[game](some_seeds),
            schedules(some_seeds)[schedule],
            plan,
            seeds=some_seeds,
            samples=37,
            exploration=0.02,
            step_size=3.0,
            max_rounds=8,
            warmup=2,
        )

    together, alone = run(seeds), run([7])
    mine = together.of(1)
    assert len(mine) == len(alone.steps)
    for step, other in zip(mine, alone.steps, strict=True):
        for key in ("local_step", "round", "samples", "nash_gap", "value", "bases", "ess"):
            assert step[key] == other[key]
        np.testing.assert_array_equal(step["policy"], other["policy"])
    assert together.final[1][0] == alone.final[0][0]


@pytest.mark.parametrize("game", GAMES)
def test_a_seed_does_not_depend_on_the_seeds_beside_it_in_exact_mode(game):
    seeds = [4, 7, 9]

    def run(some_seeds):
        plan = prediction(spacing=0.05)
        return play(GAMES[game](some_seeds), Adaptive(0.8, 9), plan, seeds=some_seeds)

    together, alone = run(seeds), run([7])
    assert max(step["bases"] for step in alone.steps) > 2
    for step, other in zip(together.of(1), alone.steps, strict=True):
        for key in ("round", "nash_gap", "value", "bases", "ess"):
            assert step[key] == other[key]
        np.testing.assert_array_equal(step["policy"], other["policy"])


def test_unlimited_has_one_local_update_per_round():
    trace = play(Coverage(4, 3, range(2)), Unlimited(), seeds=range(2), samples=5, local_steps=7)
    assert trace.ledger.rounds.tolist() == [7, 7]
    assert trace.ledger.samples.tolist() == [35, 35]


def test_periodic_rounds_and_the_short_first_one():
    trace = play(Coverage(4, 3, [0]), Periodic(4), seeds=[0], samples=5, local_steps=12, warmup=2)
    # Rounds before local updates 1, 3, 7 and 11.
    assert [step["round"] for step in trace.steps] == [0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4]


def test_missing_communicates_at_the_stated_rate():
    """Binomial at a fixed seed: 20 x 500 draws, at 5 standard deviations 6e-7 false alarms."""
    seeds = range(20)
    trace = play(
        Coverage(2, 2, seeds), missing(seeds, 0.9), seeds=seeds, local_steps=501, step_size=0.01
    )
    draws, rate = 20 * 500, 0.1
    later_rounds = trace.ledger.rounds.sum() - 20  # the first is certain
    assert abs(later_rounds - draws * rate) < 5 * np.sqrt(draws * rate * (1 - rate))


def test_adaptive_communicates_when_and_only_when_the_data_are_stale():
    trace = play(Coverage(5, 3, [3]), Adaptive(0.8, 12), seeds=[3], local_steps=200, step_size=2.0)
    updates_in_round = 0
    for before, after in itertools.pairwise(trace.steps):
        if after["round"] > before["round"]:
            if before["round"] > 0:
                assert updates_in_round == 12 or after["ess"] == pytest.approx(1.0)
            updates_in_round = 0
        else:
            assert after["ess"] >= 0.8
        updates_in_round += 1
        assert updates_in_round <= 12
    lasted = np.bincount([step["round"] for step in trace.steps])[1:]
    assert lasted.min() < 12, "no round was ended by staleness"


@pytest.mark.parametrize(
    ("caps", "rounds", "reason"),
    [
        ({"max_rounds": 3}, 3, "communication_budget"),
        ({"max_samples": 29}, 2, "communication_budget"),
        ({}, 6, "local_steps"),
    ],
)
def test_budgets_are_hard(caps, rounds, reason):
    trace = play(
        Coverage(3, 2, [0, 1]), Periodic(5), seeds=[0, 1], samples=10, local_steps=30, **caps
    )
    assert trace.ledger.rounds.tolist() == [rounds, rounds]
    assert {why for why, _ in trace.final.values()} == {reason}
    # The last data are used for as long as the schedule lets them be.
    assert trace.of(0)[-1]["local_step"] == 5 * rounds


@given(st.integers(0, 10**6))
@settings(max_examples=15)
def test_small_steps_increase_the_potential(seed):
    trace = play(RandomPotential(3, 3, [seed]), seeds=[seed], local_steps=40, step_size=0.1)
    values = [step["value"] for step in trace.steps]
    assert all(after >= before - 1e-12 for before, after in itertools.pairwise(values))
    assert values[-1] > values[0]


@given(st.integers(0, 10**6))
@settings(max_examples=15)
def test_small_steps_increase_the_potential_where_rewards_differ(seed):
    """In congestion the mean reward may fall while the potential rises."""
    game = Congestion(4, 3, [seed])
    policies = [
        step["policy"] for step in play(game, seeds=[seed], local_steps=40, step_size=0.1).steps
    ]
    potentials = game.potential(np.zeros(1, dtype=int), np.array(policies[:1])).tolist()
    for policy in policies[1:]:
        potentials += game.potential(np.zeros(1, dtype=int), policy[None]).tolist()
    assert all(after >= before - 1e-12 for before, after in itertools.pairwise(potentials))
    assert potentials[-1] > potentials[0]


def test_exact_prediction_needs_at_most_half_the_rounds_on_coverage():
    """40 agents, 10 targets, gap 0.001: the case the method is for."""
    seeds = range(8)
    rounds = []
    for algorithm in (
        CurrentPolicy(reweighs=True),
        prediction(spacing=0.7, max_bases=16, longest_round=1000),
    ):
        trace = play(
            Coverage(40, 10, seeds),
            Adaptive(0.5, 1000),
            algorithm,
            seeds=seeds,
            local_steps=250,
            step_size=8.0,
            warmup=5,
        )
        first = {}
        for step in trace.steps:
            if step["nash_gap"] <= 1e-3:
                first.setdefault(step["row"], step["round"])
        assert len(first) == len(seeds)
        rounds.append(np.median(list(first.values())))
    assert rounds[1] <= 0.5 * rounds[0]


def test_estimates_from_a_games_own_play_are_unbiased():
    """From collected play to estimates: 2000 games of one kind, three bases, fixed seed.

    12 entries at 5 standard errors: false alarms below 1e-5 over seeds. The baseline comes from
    the same samples, which costs a bias of order 1/N: with 2000 samples, far below the error.
    """
    repetitions, samples = 400, 2000
    game = Coverage(4, 3, [0])
    played = NormalFormGame(game, Streams(range(repetitions)), 0.0)
    random = np.random.default_rng(3)
    policy, *others = np.log(random.dirichlet(np.ones(3), size=(4, 4)))
    bases = np.broadcast_to(np.array([policy, *others[:2]]), (repetitions, 3, 4, 3))
    behaviours = BasePolicies(bases.copy(), np.full(repetitions, 3)).mixed_with_uniform(0.05)
    rows = np.arange(repetitions)
    experience = played.collect(rows, behaviours, samples)
    target = np.broadcast_to(others[2], (repetitions, 4, 3)).copy()
    experience.prepare(estimation("ordinary"))
    experience.weigh(target)
    estimates = experience.action_values(target)
    truth = game.marginal_rewards(rows[:1], target[:1])[0]
    error = estimates.std(axis=0, ddof=1) / np.sqrt(repetitions)
    assert (np.abs(estimates.mean(axis=0) - truth) < 5 * error).all()


def test_a_dominant_joint_action_is_found_from_samples():
    payoff = np.zeros((1, 2, 2, 2))
    payoff[0, 1, 1, 1] = 1.0
    payoff[0] += 0.2 * np.indices((2, 2, 2)).sum(axis=0) / 3
    for schedule, algorithm in (
        (Unlimited(), CurrentPolicy(reweighs=True)),
        (Adaptive(0.5, 20), prediction()),
    ):
        trace = play(
            TableGame(payoff),
            schedule,
            algorithm,
            seeds=[0],
            samples=500,
            local_steps=200,
            exploration=0.02,
        )
        _, log_policy = trace.final[0]
        assert np.exp(log_policy[:, 1]).min() > 0.99
        assert trace.steps[-1]["nash_gap"] < 0.01


def test_stale_data_are_not_reweighed():
    """Two updates from one round: the second must still see the first one's estimates."""
    seeds = [5]
    traces = [
        play(
            Coverage(4, 3, seeds),
            Periodic(10),
            seeds=seeds,
            samples=50,
            local_steps=2,
            weighted=weighted,
            estimator="self_normalised",
        )
        for weighted in (True, False)
    ]
    policies = [[step["policy"] for step in trace.steps] for trace in traces]
    np.testing.assert_allclose(policies[0][1], policies[1][1], rtol=1e-12)
    assert np.abs(policies[0][2] - policies[1][2]).max() > 1e-6
    # Unweighted, both updates change the log-policies by the same amount, up to normalisation.
    first = policies[1][1] - policies[1][0]
    second = policies[1][2] - policies[1][1]
    difference = second - first
    np.testing.assert_allclose(
        difference - difference.mean(axis=-1, keepdims=True), 0.0, atol=1e-12
    )
