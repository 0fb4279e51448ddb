"""Advantages of the critic as it is at each pass; `test_update.py` has the update written out."""

import numpy as np
import pytest
import torch
from rollout_worlds import SPREAD, learner_for, made_up_chunk, round_of


@pytest.mark.parametrize(("chunks", "epochs", "passes"), [(1, 1, 1), (4, 4, 1), (2, 4, 2)])
def test_they_are_others_from_the_second_pass_on(chunks, epochs, passes):
    """A large update of many chunks makes one pass: its parts have always begun anew."""
    ends = []
    for anew in (False, True):
        learner = learner_for(
            SPREAD,
            one_large_update=True,
            weighted=False,
            longest_round=chunks,
            epochs=epochs,
            minibatches=2,
            recompute_advantages=anew,
        )
        made_up = [made_up_chunk(learner, SPREAD, seed=seed) for seed in range(chunks)]
        learner.receive(np.arange(2), round_of(learner, SPREAD, made_up))
        learner.update()
        ends.append(learner.networks)
    assert torch.equal(ends[0].actor, ends[1].actor) == (passes == 1)
    # Each pass is one more batch of returns for the running moments.
    weight = torch.full((2,), 1 - ends[1].values.DECAY ** passes, dtype=torch.float64)
    torch.testing.assert_close(ends[1].values.moments[:, 0], weight)
