import numpy as np
from worlds import TableGame

from marl_comm.experience import BasePolicies
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.player import NormalFormGame, sample_joint_actions
from marl_comm.randomness import Streams


def test_joint_actions_follow_the_base_policies_independently() -> None:
    """Chi-square of all joint actions per base, fixed seed: 8 cells, limit at 1e-6 false alarms."""
    samples = 30_000
    random = np.random.default_rng(11)
    policies = random.dirichlet(np.ones(2), size=(1, 3, 3))
    bases = BasePolicies(np.log(policies), np.array([3]))
    joint_actions = sample_joint_actions(bases, samples, [random])[0]
    codes = joint_actions @ np.array([4, 2, 1])
    for base in range(3):
        part = codes[base * samples // 3 : (base + 1) * samples // 3]
        joint = np.einsum("a,b,c->abc", *policies[0, base]).ravel()
        expected = joint * len(part)
        chi_square = ((np.bincount(part, minlength=8) - expected) ** 2 / expected).sum()
        assert chi_square < 41.0  # upper 1e-6 point, 7 degrees of freedom


def test_an_action_of_probability_zero_is_never_played() -> None:
    with np.errstate(divide="ignore"):
        policy = np.log(np.array([[[[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]]]))
    joint_actions = sample_joint_actions(
        BasePolicies(policy, np.array([1])), 5000, [np.random.default_rng(0)]
    )
    assert set(joint_actions[0, :, 0].tolist()) == {1}
    assert set(joint_actions[0, :, 1].tolist()) == {0, 2}


def test_value_and_gap_of_a_known_equilibrium() -> None:
    payoff = np.array([[[1.0, 0.0], [0.0, 0.5]]])
    game = NormalFormGame(TableGame(payoff), Streams([0]), 0.0)
    at_equilibrium = np.log(np.array([[[1 / 3, 2 / 3], [1 / 3, 2 / 3]]]))
    evaluation = game.evaluate(np.arange(1), at_equilibrium)
    np.testing.assert_allclose(evaluation["value"], 1 / 3)
    np.testing.assert_allclose(evaluation["nash_gap"], 0.0, atol=1e-15)
    uniform = game.evaluate(np.arange(1), game.initial_log_policy())
    np.testing.assert_allclose(uniform["value"], 3 / 8)
    np.testing.assert_allclose(uniform["nash_gap"], 1 / 8)


def test_reward_noise_is_unbiased_and_of_the_stated_size() -> None:
    """80,000 draws at a fixed seed; mean and deviation within 5 standard errors (6e-7 each)."""
    samples = 40_000
    rows = np.arange(2)
    behaviours = BasePolicies.current(np.log(np.full((2, 2, 2), 0.5)))
    rewards = []
    for noise in (0.0, 0.3):
        game = NormalFormGame(Coverage(2, 2, [1, 2]), Streams([1, 2]), noise)
        rewards.append(game.collect(rows, behaviours, samples)._buffer.rewards)
    difference = rewards[1] - rewards[0]
    count = difference.size
    assert abs(difference.mean()) < 5 * 0.3 / np.sqrt(count)
    assert abs(difference.std() - 0.3) < 5 * 0.3 / np.sqrt(2 * count)
    assert abs(np.corrcoef(difference)[0, 1]) < 5 / np.sqrt(samples)
