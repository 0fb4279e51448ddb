"""Smaller steps on data that are worth less."""

import numpy as np
import pytest
import torch
from rollout_worlds import SPREAD, learner_for, made_up_chunk, round_of


@pytest.mark.parametrize("minibatches", [1, 2])
def test_a_single_step_shrinks_by_the_root_of_the_effective_sample_size(minibatches):
    moved, critics, ess = {}, {}, {}
    for scaling in ("none", "effective_sample_size"):
        learner = learner_for(SPREAD, step_scaling=scaling, epochs=1, minibatches=minibatches)
        generator = torch.Generator().manual_seed(0)
        start = learner.networks.actor.clone()
        away = start + 0.3 * torch.randn(start.shape, generator=generator)
        chunk = made_up_chunk(learner, SPREAD, bases=away)
        learner.receive(np.arange(2), round_of(learner, SPREAD, [chunk]))
        ess[scaling] = torch.from_numpy(learner.weigh().ess).float()
        learner.update()
        moved[scaling] = learner.networks.actor - start
        critics[scaling] = learner.networks.critic
    worth = ess["none"]
    assert worth.max() < 0.9
    assert worth[0] != worth[1]
    # A second step begins elsewhere, but Adam's first steps hardly depend on the gradients' sizes.
    if minibatches == 1:
        wanted = worth.sqrt().unsqueeze(1) * moved["none"]
        torch.testing.assert_close(moved["effective_sample_size"], wanted, rtol=1e-3, atol=1e-6)
    lengths = {scaling: way.norm(dim=1) for scaling, way in moved.items()}
    shorter = lengths["effective_sample_size"] / lengths["none"]
    torch.testing.assert_close(shorter, worth.sqrt(), rtol=0.1, atol=0)
    assert torch.equal(critics["none"], critics["effective_sample_size"])


def test_fresh_data_are_worth_whole_steps():
    ends = []
    for scaling in ("none", "effective_sample_size"):
        learner = learner_for(SPREAD, step_scaling=scaling)
        chunk = made_up_chunk(learner, SPREAD)
        learner.receive(np.arange(2), round_of(learner, SPREAD, [chunk]))
        learner.update()
        ends.append(learner.networks.actor)
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-4, atol=1e-6)
