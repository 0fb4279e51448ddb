"""Advantages, value units and weights, against the loops that define them."""

import numpy as np
import pytest
import torch

from marl_comm.experience.rollouts import at_ends
from marl_comm.learners.mappo.advantages import (
    ValueNormaliser,
    corrected_advantages,
    following_values,
    generalised_advantages,
    normalised,
    smallest_variance,
    weighted_moments,
)
from marl_comm.learners.mappo.importance import (
    LogRatios,
    effective_sample_size,
    truncated_weights,
    weights_of,
)


def test_advantages_are_those_of_the_loop():
    random = np.random.default_rng(0)
    rows, steps, copies, discount, trace = 2, 7, 3, 0.9, 0.8
    rewards, values = random.standard_normal((2, rows, steps, copies))
    led_to = random.standard_normal((rows, steps, copies))  # values of what steps led to
    ended = random.random((rows, steps, copies)) < 0.3
    terminated = ended & (random.random((rows, steps, copies)) < 0.5)
    assert terminated.any()
    assert (ended & ~terminated).any()
    tensors = [torch.from_numpy(x) for x in (rewards, values, led_to, ended, terminated)]
    rewards_, values_, led_to_, ended_, terminated_ = tensors
    finals = at_ends(led_to_[:, None, :, :, None], ended_)[:, 0, :, :, 0]
    stretch = ended_.long().cumsum(dim=1) - ended_.long()
    next_values = following_values(values_, finals, stretch, ended_, terminated_)
    found = generalised_advantages(rewards_, values_, next_values, ended_, discount, trace)
    for row in range(rows):
        for copy in range(copies):
            for start in range(steps):
                # The definition: discounted sum of one-step errors up to the episode's end.
                expected, factor = 0.0, 1.0
                for step in range(start, steps):
                    value = values[row, step, copy]
                    over = ended[row, step, copy]
                    boundary = over or step == steps - 1
                    following = led_to[row, step, copy] if boundary else values[row, step + 1, copy]
                    error = rewards[row, step, copy] - value
                    error += 0.0 if terminated[row, step, copy] else discount * following
                    expected += factor * error
                    if over:
                        break
                    factor *= discount * trace
                assert float(found[row, start, copy]) == pytest.approx(expected, abs=1e-12)


def processes(seed, rows=2, steps=7, copies=3):
    random = np.random.default_rng(seed)
    rewards, values, after = random.standard_normal((3, rows, steps, copies))
    ended = random.random((rows, steps, copies)) < 0.3
    return rewards, values, after, ended, np.exp(random.normal(0, 1, (rows, steps, copies)))


def test_corrected_advantages_are_those_of_the_definition():
    """V-trace's targets as the sum of products in the paper's equation 1."""
    rewards, values, after, ended, ratios = processes(5)
    discount, trace, largest_on_delta, largest_on_trace = 0.9, 0.8, 1.3, 0.7
    advantages, excess = corrected_advantages(
        *map(torch.from_numpy, (rewards, values, after, ended, ratios)),
        discount,
        trace,
        largest_on_delta=largest_on_delta,
        largest_on_trace=largest_on_trace,
    )
    assert (ratios > largest_on_delta).any()
    assert (ratios < largest_on_trace).any()
    steps = rewards.shape[1]
    for row, start, copy in np.ndindex(*rewards.shape):
        place = row, start, copy
        target, product = values[place], 1.0
        for step in range(start, steps):
            here = row, step, copy
            error = rewards[here] + discount * after[here] - values[here]
            rho = min(largest_on_delta, ratios[here])
            target += discount ** (step - start) * product * rho * error
            if ended[here]:
                break
            product *= trace * min(largest_on_trace, ratios[here])
        assert float(excess[place]) == pytest.approx(target - values[place], abs=1e-12)
        advantage = rewards[place] + discount * after[place] - values[place]
        if start + 1 < steps and not ended[place]:
            advantage += discount * trace * float(excess[row, start + 1, copy])
        assert float(advantages[place]) == pytest.approx(advantage, abs=1e-12)


def test_on_fresh_data_corrected_advantages_are_generalised_ones():
    rewards, values, after, ended, _ = map(torch.from_numpy, processes(6))
    found = corrected_advantages(
        rewards,
        values,
        after,
        ended,
        torch.ones_like(rewards),
        0.9,
        0.8,
        largest_on_delta=1.0,
        largest_on_trace=1.0,
    )
    expected = generalised_advantages(rewards, values, after, ended, 0.9, 0.8)
    torch.testing.assert_close(found[0], expected)
    torch.testing.assert_close(found[1], expected)


def test_corrected_values_are_the_current_policys():
    """A chain of two steps, two actions each; expectations are taken by enumeration.

    With true values, and ratios that are not truncated, targets of the start are its true value
    on average, whoever played; a critic that is wrong later on does not matter with lambda 1.
    """
    current, played = np.array([0.8, 0.2]), np.array([0.4, 0.6])
    gains = np.array([[1.0, -1.0], [3.0, 2.0]])  # by step and action
    true = (current @ gains[0]) + 0.9 * (current @ gains[1])
    mean = 0.0
    for first, second in np.ndindex(2, 2):
        actions = [first, second]
        rewards = torch.tensor([[[gains[0, first]], [gains[1, second]]]])
        ratios = torch.tensor([[[current[a] / played[a]] for a in actions]])
        values = torch.tensor([[[7.0], [-5.0]]], dtype=torch.float64)
        after = torch.tensor([[[-5.0], [0.0]]], dtype=torch.float64)
        ended = torch.tensor([[[False], [True]]])
        _, excess = corrected_advantages(
            *(rewards, values, after, ended, ratios, 0.9, 1.0),
            largest_on_delta=1e9,
            largest_on_trace=1e9,
        )
        mean += played[first] * played[second] * (7.0 + float(excess[0, 0, 0]))
    assert mean == pytest.approx(true)


def test_normalised_advantages_have_weighted_mean_zero_and_variance_one():
    random = np.random.default_rng(1)
    numbers = torch.from_numpy(random.normal(3, 5, (2, 50)))
    weights = torch.from_numpy(random.random((2, 50)))
    found = normalised(numbers, weights, smallest_variance(numbers, weights)).numpy()
    for row in range(2):
        share = weights[row].numpy() / weights[row].sum().item()
        mean = sum(s * x for s, x in zip(share, found[row], strict=True))
        assert mean == pytest.approx(0, abs=1e-9)
        variance = sum(s * (x - mean) ** 2 for s, x in zip(share, found[row], strict=True))
        assert variance == pytest.approx(1, rel=1e-6)


def test_value_units_follow_the_decayed_moments_of_returns():
    random = np.random.default_rng(2)
    normaliser = ValueNormaliser.fresh([1], torch.device("cpu"))
    assert normaliser.restore(torch.full((1, 1), 2.5, dtype=torch.float64)).item() == 0.0
    total = mean = square = 0.0
    decay = ValueNormaliser.DECAY
    for _ in range(4):
        returns, weights = random.normal(-20, 7, 30), random.random(30)
        normaliser.update(torch.from_numpy(returns)[None], torch.from_numpy(weights)[None])
        total = decay * total + (1 - decay)
        mean = decay * mean + (1 - decay) * np.average(returns, weights=weights)
        square = decay * square + (1 - decay) * np.average(returns**2, weights=weights)
    mean, square = mean / total, square / total
    found = normaliser.normalise(torch.tensor([[-13.0]], dtype=torch.float64))
    assert found.item() == pytest.approx((-13 - mean) / np.sqrt(square - mean**2), rel=1e-9)
    assert normaliser.restore(found).item() == pytest.approx(-13)


def plain_weights(log_ratios, alive, kind, largest):
    rows, agents, samples = log_ratios.shape
    weights, cut = np.zeros(log_ratios.shape), np.zeros(rows)
    for row in range(rows):
        total = count = 0
        for sample in range(samples):
            joint = np.exp(sum(log_ratios[row, :, sample] * alive[row, :, sample]))
            for agent in range(agents):
                if not alive[row, agent, sample]:
                    continue
                own = np.exp(log_ratios[row, agent, sample])
                weight = joint if kind == "joint" else own
                others = joint / own if kind == "separate" else 1.0
                cut[row] += weight > largest or others > 1.5
                weights[row, agent, sample] = min(weight, largest) * min(others, 1.5)
                total, count = total + weights[row, agent, sample], count + 1
        weights[row] /= total / count
        cut[row] /= count
    return weights, cut


@pytest.mark.parametrize(
    ("kind", "largest"), [("per_agent", 2.0), ("joint", 20.0), ("separate", 3.0)]
)
def test_weights_are_truncated_and_rescaled_as_by_the_loop(kind, largest):
    random = np.random.default_rng(3)
    alive = random.random((2, 3, 40)) < 0.8
    log_ratios = random.normal(0, 1.5, (2, 3, 40)) * alive
    own = torch.from_numpy(log_ratios)
    ratios = LogRatios.of_one(own, torch.zeros_like(own), torch.from_numpy(alive).double())
    found, cut = truncated_weights(ratios, torch.from_numpy(alive).double(), kind, largest, 1.5)
    expected, expected_cut = plain_weights(log_ratios, alive, kind, largest)
    assert 0 < expected_cut.min() < expected_cut.max() < 1
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(cut, expected_cut, rtol=1e-12)


@pytest.mark.parametrize("log_weight", [-40.0, 40.0])
def test_effective_sample_size_of_extreme_weights(log_weight):
    """The squares of many such weights would overflow 32 bits, or vanish."""
    weights = torch.full((1, 25_600), log_weight).exp()
    weights[0, ::2] = 0.0
    assert effective_sample_size(weights).item() == pytest.approx(0.5)


def test_effective_sample_size_of_joint_weights():
    log_ratios = torch.tensor([[[0.0, 1.0, -2.0], [0.5, 0.0, 1.0]]], dtype=torch.float64)
    weights = np.exp([0.5, 1.0, -1.0])
    found = weights_of(log_ratios.sum(dim=1))
    np.testing.assert_allclose(found[0], weights)
    expected = weights.sum() ** 2 / (3 * (weights**2).sum())
    assert effective_sample_size(found).item() == pytest.approx(expected)


def test_hopeless_weights_stay_finite():
    weights = weights_of(torch.tensor([[500.0, -500.0]]))
    assert torch.isfinite(weights).all()
    assert effective_sample_size(weights).item() == pytest.approx(0.5)
    mean, variance = weighted_moments(torch.tensor([[1.0, 2.0]]), weights)
    assert mean.item() == pytest.approx(1.0)
    assert variance.item() == pytest.approx(0.0, abs=1e-6)
