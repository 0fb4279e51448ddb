"""Derivatives of the decoupled loss against autograd on a loop over agents and samples."""

import numpy as np
import pytest
import torch

from marl_comm.learners.mappo.loss import policy_slopes, value_slopes

CLIP, BONUS = 0.2, 0.05


def test_policy_slopes_are_those_of_the_loop():
    random = np.random.default_rng(0)
    rows, agents, samples = 2, 3, 40
    log_probs, proximal = random.normal(-1.5, 0.4, (2, rows, agents, samples))
    log_probs[:, :, 0] = proximal[:, :, 0]  # the first step of a local update
    entropy = random.random((rows, agents, samples))
    alive = random.random((rows, agents, samples)) < 0.8
    weights = random.random((rows, agents, samples)) * alive
    presence = alive / alive.mean(axis=(1, 2), keepdims=True)
    advantages = random.standard_normal((rows, samples))
    found = policy_slopes(
        *(
            torch.from_numpy(x)
            for x in (log_probs, entropy, proximal, weights * advantages[:, None], presence)
        ),
        clip=CLIP,
        entropy_bonus=BONUS,
    )
    current = torch.from_numpy(log_probs).requires_grad_()
    entropies = torch.from_numpy(entropy).requires_grad_()
    sides = set()
    loss = torch.zeros((), dtype=torch.float64)
    for row in range(rows):
        total = clipped = kl = lost = 0.0
        for agent in range(agents):
            for sample in range(samples):
                where = row, agent, sample
                ratio = (current[where] - proximal[where]).exp()
                advantage = advantages[row, sample]
                limited = min(max(ratio.item(), 1 - CLIP), 1 + CLIP)
                if limited != ratio.item() and alive[where]:
                    sides.add((limited > 1, bool(advantage > 0)))
                # Beyond the limit nothing is gained, so nothing follows from moving on.
                unlimited = ratio * advantage
                gain = unlimited if unlimited.item() <= limited * advantage else limited * advantage
                lost -= weights[where] * float(torch.as_tensor(gain).detach())
                loss = loss - weights[where] * gain - BONUS * presence[where] * entropies[where]
                if alive[where]:
                    total += entropy[where] * presence[where]
                    clipped += (ratio.item() != limited) * presence[where]
                    kl += (ratio.item() - 1 - (log_probs - proximal)[where]) * presence[where]
        assert found.figures["entropy"][row].item() == pytest.approx(total)
        assert found.figures["policy_loss"][row].item() == pytest.approx(lost)
        assert found.figures["clip_fraction"][row].item() == pytest.approx(clipped)
        assert found.figures["approximate_kl"][row].item() == pytest.approx(kl)
    assert len(sides) == 4  # both limits, gains and losses
    by_log_prob, by_entropy = torch.autograd.grad(loss, (current, entropies))
    torch.testing.assert_close(found.by_log_prob, by_log_prob)
    torch.testing.assert_close(found.by_entropy, by_entropy)
    assert (by_log_prob[:, :, 0] != 0).any()


def test_value_loss_is_quadratic_near_and_linear_far():
    values = torch.tensor([[0.0, 0.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([[0.5, -3.0, 1.0, 5.0]], dtype=torch.float64)
    weights = torch.tensor([[1.0, 2.0, 0.0, 0.5]], dtype=torch.float64)
    slopes, loss = value_slopes(values.detach(), targets, weights, 2.0)
    expected = 0.5 * 0.25 + 2 * (2.0 * 3.0 - 0.5 * 4.0) + 0.5 * (2.0 * 5.0 - 0.5 * 4.0)
    assert loss.item() == pytest.approx(expected)
    theirs = torch.nn.functional.huber_loss(values, targets, reduction="none", delta=2.0)
    (by_values,) = torch.autograd.grad((weights * theirs).sum(), values)
    torch.testing.assert_close(slopes, by_values)
