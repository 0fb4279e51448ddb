import numpy as np
import pytest

from marl_comm.command_line.composition import compose
from marl_comm.communication.adaptive import Adaptive
from marl_comm.communication.budget import Budget
from marl_comm.communication.changing_condition import ChangingCondition
from marl_comm.communication.missing import Missing
from marl_comm.communication.noise import Noise
from marl_comm.communication.periodic import Periodic
from marl_comm.communication.schedule import Clock, WithFirstRound
from marl_comm.communication.unlimited import Unlimited
from marl_comm.experience import Staleness
from marl_comm.experience.quotient import Signal


def clock(rounds, updates):
    rounds, updates = np.array(rounds), np.array(updates)
    return Clock(np.arange(len(rounds)), rounds, updates)


def staleness(*ess):
    values = np.array(ess, dtype=float)
    nearest, mean_weight = np.zeros(len(values), dtype=np.int64), np.ones(len(values))
    return Measured(weigh=Staleness(values, -np.log(values), nearest, mean_weight))


class Measured:
    """What is known about the data; to ask for more is an error."""

    def __init__(self, **known):
        self.known = known

    def weigh(self):
        return self.known["weigh"]

    def signal(self):
        return self.known["signal"]

    def value_change(self):
        return self.known["value_change"]


never = Measured()  # these schedules must not pay for weighing the data


def signal(gain, noise, *ess):
    gain, noise = np.array(gain), np.array(noise)
    return Measured(
        **staleness(*ess).known, signal=Signal(np.zeros((len(gain), 1, 2)), gain, noise)
    )


def test_unlimited_is_always_due():
    assert Unlimited().due(clock([3, 4], [1, 1]), never).tolist() == [True, True]


def test_periodic_counts_local_updates():
    assert Periodic(3).due(clock([1, 1, 1], [2, 3, 4]), never).tolist() == [False, True, True]


def test_adaptive_listens_to_the_sample_size_and_to_the_time():
    schedule = Adaptive(0.5, 10)
    due = schedule.due(clock([1, 1, 1], [3, 3, 10]), staleness(0.49, 0.5, 1.0))
    assert due.tolist() == [True, False, True]


def test_noise_listens_to_the_noise_that_fresh_data_would_take_away():
    schedule = Noise(2.0, 0.1, 10)
    data = signal([0.7, 0.9, 0.0, 9.0, 9.0], [1.0, 1.0, 1.0, 1.0, 1.0], 0.6, 0.6, 1.0, 0.09, 0.6)
    due = schedule.due(clock([1] * 5, [3, 3, 3, 3, 10]), data)
    assert due.tolist() == [True, False, False, True, True]


def test_data_that_show_no_noise_because_one_sample_dominates_are_old():
    due = Noise(2.0, 0.0, 10).due(clock([1, 1], [3, 3]), signal([0.0, 0.0], [0.0, 0.0], 1e-3, 1.0))
    assert due.tolist() == [True, False]


def test_the_changing_condition_listens_to_the_value_and_to_the_time():
    schedule = ChangingCondition(0.2, 10)
    data = Measured(value_change=np.array([0.1, 0.3, -0.3, 0.0]))
    due = schedule.due(clock([1] * 4, [3, 3, 3, 10]), data)
    assert due.tolist() == [False, True, True, True]


def test_the_changing_condition_has_the_powers_of_the_theory():
    settings = compose(
        "communication=changing_condition", "communication.epsilon=0.0001"
    ).communication
    assert settings.value_change == pytest.approx(settings.value_constant * 1e-3)
    assert settings.longest_round == settings.step_constant * 10


def test_each_seed_of_missing_has_its_own_draws():
    def draws(rows):
        generators = [np.random.default_rng(seed) for seed in range(3)]
        schedule = Missing(0.5, generators)
        start = Clock(np.array(rows), np.ones(len(rows)), np.ones(len(rows)))
        return np.array([schedule.due(start, never) for _ in range(50)])

    np.testing.assert_array_equal(draws([0, 1, 2])[:, 2], draws([2])[:, 0])
    assert 0 < draws([1]).mean() < 1


def test_data_are_missing_as_often_as_configured():
    """Five standard errors: a right schedule fails for one in two million seeds."""
    schedule, draws = Missing(0.9, [np.random.default_rng(0)]), 20_000
    arrived = np.mean([schedule.due(clock([1], [1]), never) for _ in range(draws)])
    assert abs(arrived - 0.1) < 5 * np.sqrt(0.9 * 0.1 / draws)


def test_the_first_round_is_immediate_and_short():
    schedule = WithFirstRound(Periodic(10), warmup=2)
    assert schedule.due(clock([0, 3], [0, 10]), never).tolist() == [True, True]
    assert schedule.due(clock([0, 0], [0, 0]), never).all()
    assert schedule.due(clock([1, 1, 2], [1, 2, 2]), never).tolist() == [False, True, False]


def test_no_two_rounds_without_an_update_between_them():
    schedule = WithFirstRound(Adaptive(0.5, 10), warmup=None)
    assert schedule.due(clock([1, 1], [0, 1]), staleness(0.1, 0.1)).tolist() == [False, True]


@pytest.mark.parametrize(
    ("budget", "allowed"),
    [
        (Budget(None, None, 10), [True, True, True]),
        (Budget(3, None, 10), [True, True, False]),
        (Budget(None, 250, 10), [True, False, False]),
        (Budget(3, 400, 10), [True, True, False]),
    ],
)
def test_a_budget_allows_what_fits_whole(budget, allowed):
    rounds, samples = np.array([1, 2, 3]), np.array([100, 200, 300])
    assert budget.allows_round(rounds, samples, 100).tolist() == allowed
