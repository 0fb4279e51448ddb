"""Distributions and how they are followed back, against torch's own and autograd."""

import pytest
import torch
from rollout_worlds import NUMBERS, SPREAD, UNEVEN
from torch.distributions import Categorical, Normal

from marl_comm.learners.mappo.families import distribution_for

ROWS, SAMPLES = 2, 30


def drawn(spec):
    """Outputs, 64 bits, some beyond the range of deviations, and actions drawn from them."""
    generator = torch.Generator().manual_seed(0)
    distribution = distribution_for(spec, torch.device("cpu"))
    agents = len(spec.agents)
    shape = (ROWS, distribution.outputs, agents, SAMPLES)
    outputs = 1.5 * torch.randn(shape, generator=generator, dtype=torch.float64)
    size = (
        (ROWS, agents, SAMPLES) if spec.discrete else (ROWS, agents, SAMPLES, spec.largest_action)
    )
    kind = torch.rand if spec.discrete else torch.randn
    actions = distribution.sample(outputs, kind(size, generator=generator, dtype=torch.float64))
    return distribution, outputs, actions, generator


def plain(spec, outputs, actions):
    """Log-probabilities and entropies by torch's distributions, one agent at a time."""
    log_probs, entropies = [], []
    for agent, size in enumerate(spec.action_sizes):
        own = outputs[:, :, agent].mT  # (rows, samples, parameters)
        if spec.discrete:
            theirs = Categorical(logits=own[..., :size])
            log_probs.append(theirs.log_prob(actions[:, agent]))
            entropies.append(theirs.entropy())
            continue
        most = spec.largest_action
        deviation = 0.5 * own[..., most : most + size].clamp(-4.0, 1.0).exp()
        theirs = Normal(own[..., :size], deviation)
        log_probs.append(theirs.log_prob(actions[:, agent, :, :size]).sum(dim=-1))
        entropies.append(theirs.entropy().sum(dim=-1))
    return torch.stack(log_probs, dim=1), torch.stack(entropies, dim=1)


@pytest.mark.parametrize("spec", [SPREAD, UNEVEN, NUMBERS], ids=["even", "uneven", "numbers"])
def test_values_and_derivatives_are_torchs_own(spec):
    distribution, outputs, actions, generator = drawn(spec)
    log_prob, entropy, pullback = distribution.differentiable(outputs, actions)
    mine = outputs.clone().requires_grad_()
    expected_log_prob, expected_entropy = plain(spec, mine, actions)
    torch.testing.assert_close(log_prob, expected_log_prob.detach())
    torch.testing.assert_close(entropy, expected_entropy.detach())
    torch.testing.assert_close(distribution.log_prob(outputs, actions), log_prob)
    by_log_prob, by_entropy = torch.randn(
        (2, *log_prob.shape), generator=generator, dtype=torch.float64
    )
    objective = (by_log_prob * expected_log_prob + by_entropy * expected_entropy).sum()
    (expected,) = torch.autograd.grad(objective, mine)
    found = pullback(by_log_prob, by_entropy)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    # Either part counts, so a wrong sign in one of them would show.
    nothing = torch.zeros_like(by_log_prob)
    for part in (pullback(by_log_prob, nothing), pullback(nothing, by_entropy)):
        assert (found - 2 * part - expected).abs().max() > 0.1
    if not spec.discrete:
        raw = outputs[:, spec.largest_action :]
        assert (raw < -4).any()
        assert (raw > 1).any()


def test_choices_come_as_often_as_they_are_likely():
    # 20,000 draws for each of 6 agents and rows; five standard errors, exceeded once in 10^4 runs.
    distribution = distribution_for(UNEVEN, torch.device("cpu"))
    generator = torch.Generator().manual_seed(1)
    samples = 20_000
    outputs = torch.randn((3, 5, 2, 1), generator=generator).expand(-1, -1, -1, samples)
    actions = distribution.sample(outputs, torch.rand((3, 2, samples), generator=generator))
    for agent, size in enumerate(UNEVEN.action_sizes):
        likely = outputs[:, :size, agent, 0].softmax(dim=1)
        for choice in range(5):
            share = (actions[:, agent] == choice).double().mean(dim=1)
            expected = likely[:, choice] if choice < size else torch.zeros(3)
            error = 5 * (expected * (1 - expected) / samples).sqrt()
            assert ((share - expected).abs() <= error).all()
