"""One large update of a round's data: plain PPO whose batch is the round."""

import numpy as np
import pytest
import torch
from rollout_worlds import SPREAD, learner_for, made_up_chunk, round_of

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError


def one_round(learner, spec=SPREAD, chunks=2, bases=None):
    made_up = [made_up_chunk(learner, spec, seed=seed, bases=bases) for seed in range(chunks)]
    learner.receive(np.arange(2), round_of(learner, spec, made_up))
    return made_up


def test_the_first_part_of_a_large_update_is_a_local_update_on_all_chunks():
    """The data are the current policies' own then: nothing to reweigh, and one anchor."""
    ends = []
    for large in (True, False):
        learner = learner_for(SPREAD, one_large_update=large, weighted=not large, chunks="all")
        one_round(learner)
        learner.update()
        ends.append(learner.networks)
    torch.testing.assert_close(ends[0].actor, ends[1].actor, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(ends[0].critic, ends[1].critic, rtol=1e-3, atol=1e-6)


def test_policies_that_have_left_the_clip_are_not_pushed_further_in_later_parts():
    """Gradients of the policies vanish where every ratio to who played is beyond the clip."""
    moves = {}
    for large in (True, False):
        learner = learner_for(
            SPREAD, one_large_update=large, weighted=False, clip=1e-7, entropy_bonus=0.0
        )
        one_round(learner)
        # Somewhere else, where every action is likelier or less likely than when it was played.
        generator = torch.Generator().manual_seed(0)
        learner.networks.actor += 0.3 * torch.randn(
            learner.networks.actor.shape, generator=generator
        )
        before = learner.networks.actor.clone()
        learner.update()
        figures = learner.diagnostics()
        moves[large] = (learner.networks.actor - before).abs().max()
        assert (figures["clip_fraction"] > 0.999).all() == large
    assert moves[True] > 0  # what is beyond the clip on the wrong side still comes back
    assert moves[False] > 0


def test_weights_do_not_count():
    ends = []
    for away in (0.0, 0.5):
        learner = learner_for(SPREAD, one_large_update=True, weighted=False, epochs=1)
        start = learner.networks.actor.clone()
        generator = torch.Generator().manual_seed(0)
        bases = start + away * torch.randn(start.shape, generator=generator)
        one_round(learner, bases=bases)
        learner.update()
        ends.append(learner.diagnostics())
    assert ends[1]["ess"].max() < 0.9
    assert ends[1]["truncated_fraction"].max() == 0


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["game=coverage"], r"algorithm=large_batch game=coverage.*algorithm=stale"),
        (["game=mpe/simple_spread", "communication=unlimited"], "choose communication=adaptive"),
        (
            ["game=mpe/simple_spread", "learner.reuse=2", "learner.chunks=all"],
            r"learner\.reuse=2 algorithm=large_batch.*learner\.reuse=latest",
        ),
    ],
)
def test_it_is_for_networks_and_rounds_that_last(overrides, line):
    with pytest.raises(InputError, match=line):
        compose("algorithm=large_batch", *overrides)
