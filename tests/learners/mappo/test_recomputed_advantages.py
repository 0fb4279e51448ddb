"""Advantages of the critic as it is at each pass; `test_update.py` has the update written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from rollout_worlds import SPREAD, learner_for, made_up_chunk, round_of

from marl_comm.rows import take


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


def played(learner, rounds=2, chunks=3):
    """Return what the critic was asked to judge by, at each local update of some rounds."""
    seen = []
    for number in range(rounds):
        made_up = [
            made_up_chunk(learner, SPREAD, seed=10 * number + seed) for seed in range(chunks)
        ]
        learner.receive(np.arange(2), round_of(learner, SPREAD, made_up))
        start = learner.networks.critic.clone(), learner.networks.values.moments.clone()
        for _ in range(chunks):
            learner.update()
            then = learner._critic_then
            seen.append((start, None if then is None else (then.parameters, then.moments)))
    return seen


@pytest.mark.parametrize("recompute", [False, True, "never"])
def test_only_never_judges_by_the_critic_of_the_rounds_start(recompute):
    learner = learner_for(
        SPREAD,
        one_large_update=True,
        weighted=False,
        longest_round=3,
        epochs=3,
        recompute_advantages=recompute,
    )
    for start, then in played(learner):
        if recompute != "never":
            assert then is None
            continue
        for before, held in zip(start, then, strict=True):
            assert torch.equal(before, held)
        assert not torch.equal(then[0], learner.networks.critic)


def test_never_leaves_a_rounds_advantages_and_targets_as_they_were():
    """Whatever happens to the critic in between: the estimates of a chunk stay the same numbers."""
    targets = []
    for moved in (False, True):
        learner = learner_for(
            SPREAD,
            one_large_update=True,
            weighted=False,
            longest_round=2,
            epochs=2,
            recompute_advantages="never",
        )
        learner.networks.values.moments = torch.tensor([[1.0, 0.0, 1.0]] * 2, dtype=torch.float64)
        made_up = [made_up_chunk(learner, SPREAD, seed=seed) for seed in range(2)]
        learner.receive(np.arange(2), round_of(learner, SPREAD, made_up))
        if moved:
            learner.networks.critic += 0.3
        learner.weigh()
        rule, weighed = learner._updater._rule, learner._weighed
        batch, figures = rule._prepare(learner.networks, weighed, learner._critic_then)
        targets.append((batch.weighted_advantages, batch.targets, figures["explained_variance"]))
    for one, other in zip(*targets, strict=True):
        assert torch.equal(one, other)


def test_a_round_of_one_update_is_the_same_once_a_round_and_once_an_update():
    ends = []
    for recompute in (False, "never"):
        learner = learner_for(
            SPREAD, one_large_update=True, weighted=False, recompute_advantages=recompute
        )
        played(learner, chunks=1)
        ends.append(learner.networks)
    assert torch.equal(ends[0].actor, ends[1].actor)
    assert torch.equal(ends[0].critic, ends[1].critic)
    assert torch.equal(ends[0].values.moments, ends[1].values.moments)


def test_rows_that_begin_a_round_alone_leave_the_others_critics_as_they_were():
    learner = learner_for(
        SPREAD, one_large_update=True, weighted=False, recompute_advantages="never"
    )
    played(learner, rounds=1, chunks=2)
    before = learner._critic_then.parameters.clone()
    made_up = [made_up_chunk(learner, SPREAD, seed=seed) for seed in range(2)]
    whole, rows = round_of(learner, SPREAD, made_up), np.array([1])
    of_one = {name: take(getattr(whole, name), rows) for name in ("bases", "rollouts")}
    learner.receive(rows, replace(whole, **of_one))
    assert torch.equal(learner._critic_then.parameters[0], before[0])
    assert torch.equal(learner._critic_then.parameters[1], learner.networks.critic[1])
    assert not torch.equal(learner.networks.critic[1], before[1])
