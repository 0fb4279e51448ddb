import numpy as np
import pytest
from scipy import stats

from marl_comm.errors import InputError
from marl_comm.games.over_time.random_markov import RandomMarkov


def test_draws_have_the_stated_distributions():
    """Kolmogorov-Smirnov at fixed seeds, false alarms 1e-3 each."""
    game = RandomMarkov(3, 4, 5, 4, range(20))
    rewards = np.sqrt(game.reward.ravel() * 4)
    assert stats.kstest(rewards, "uniform").pvalue > 1e-3
    # One entry of Dirichlet(0.3, ..., 0.3) over five states is Beta(0.3, 1.2).
    entries = game.transition[..., 0].ravel()
    assert stats.kstest(entries, stats.beta(0.3, 1.2).cdf).pvalue > 1e-3
    np.testing.assert_allclose(game.transition.sum(axis=-1), 1.0)


def test_a_game_depends_on_its_own_seed_alone():
    some, alone = RandomMarkov(2, 3, 2, 3, [5, 8]), RandomMarkov(2, 3, 2, 3, [8])
    np.testing.assert_array_equal(some.transition[1], alone.transition[0])
    np.testing.assert_array_equal(some.reward[1], alone.reward[0])
    assert not np.array_equal(some.reward[0], some.reward[1])


def test_a_shared_game_serves_every_row():
    shared, log_policy = RandomMarkov(2, 2, 2, 3, [5]), np.log(np.full((3, 2, 2, 2), 0.5))
    rewards, _ = shared.induced(np.arange(3), log_policy)
    np.testing.assert_array_equal(rewards[0], rewards[2])


def test_tables_that_do_not_fit_are_refused_with_an_estimate():
    with pytest.raises(InputError) as caught:
        RandomMarkov(10, 5, 50, 20, [0])
    line = str(caught.value)
    assert "game.agents=10 game.actions=5 game.states=50" in line
    assert "need 186 GiB" in line  # 8 bytes x 50 states x 5^10 joint actions x (50 + 1)
    assert "at most 7 agents fit" in line
    assert "climbing_chain" in line


def test_many_rows_are_taken_in_parts(monkeypatch):
    game, rows = RandomMarkov(3, 2, 3, 2, range(5)), np.arange(5)
    log_policy = np.log(np.random.default_rng(0).dirichlet(np.ones(2), size=(5, 3, 3)))
    whole = (*game.induced(rows, log_policy), game.transitions(rows, log_policy))
    monkeypatch.setattr("marl_comm.games.over_time.random_markov._ENTRIES_AT_ONCE", 200)
    parts = (*game.induced(rows, log_policy), game.transitions(rows, log_policy))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)
