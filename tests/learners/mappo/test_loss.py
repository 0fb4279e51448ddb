"""The decoupled loss against a loop over agents and samples."""

import numpy as np
import pytest
import torch

from marl_comm.learners.mappo.loss import policy_loss, value_loss


def test_policy_loss_is_that_of_the_loop():
    random = np.random.default_rng(0)
    rows, agents, samples, clip, bonus = 2, 3, 30, 0.2, 0.05
    log_probs, proximal = random.normal(-1.5, 0.4, (2, rows, agents, samples))
    entropy = random.random((rows, agents, samples))
    alive = random.random((rows, agents, samples)) < 0.8
    weights = random.random((rows, agents, samples)) * alive
    presence = alive / alive.mean(axis=(1, 2), keepdims=True)
    advantages = random.standard_normal((rows, samples))
    found = policy_loss(
        *(
            torch.from_numpy(x)
            for x in (log_probs, entropy, proximal, weights, presence, advantages)
        ),
        clip=clip,
        entropy_bonus=bonus,
    )
    for row in range(rows):
        gain = entropies = clipped = kl = 0.0
        for agent in range(agents):
            for sample in range(samples):
                difference = log_probs[row, agent, sample] - proximal[row, agent, sample]
                ratio, advantage = np.exp(difference), advantages[row, sample]
                limited = min(max(ratio, 1 - clip), 1 + clip)
                gain += weights[row, agent, sample] * min(ratio * advantage, limited * advantage)
                if alive[row, agent, sample]:
                    entropies += entropy[row, agent, sample]
                    clipped += ratio != limited
                    kl += ratio - 1 - difference
        count = alive[row].sum()
        loss = -gain / (agents * samples) - bonus * entropies / count
        assert found.loss[row].item() == pytest.approx(loss, rel=1e-12)
        assert found.figures["entropy"][row].item() == pytest.approx(entropies / count)
        assert found.figures["clip_fraction"][row].item() == pytest.approx(clipped / count)
        assert found.figures["approximate_kl"][row].item() == pytest.approx(kl / count)
        assert 0 < clipped < count


def test_value_loss_is_quadratic_near_and_linear_far():
    values = torch.tensor([[0.0, 0.0, 0.0]], dtype=torch.float64)
    targets = torch.tensor([[0.5, -3.0, 1.0]], dtype=torch.float64)
    weights = torch.tensor([[1.0, 2.0, 0.0]], dtype=torch.float64)
    expected = (0.5 * 0.25 + 2 * (2.0 * 3.0 - 0.5 * 4.0)) / 3
    assert value_loss(values, targets, weights, 2.0).item() == pytest.approx(expected)
