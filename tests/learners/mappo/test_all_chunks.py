"""Local updates on all chunks that are kept, those of earlier rounds included."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rollout_worlds import MASKED, SPREAD, learner_for, made_up_chunk, round_of

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.experience.earlier_rounds import EarlierRounds
from marl_comm.experience.network_bases import NetworkBases
from marl_comm.experience.rollouts import FINAL, Rollouts
from marl_comm.learners.mappo.all_chunks import shares_of
from marl_comm.learners.mappo.importance import LogRatios


def numbered_round(spec, counts, first):
    """A round whose chunks hold nothing but their numbers, in 1 to 3 stretches; who collected."""
    count = torch.tensor(counts)
    rollouts = Rollouts.empty(spec, count, 3, 2)
    parameters = torch.zeros((len(counts), int(count.max()), 1))
    for position in range(int(count.max())):
        rows = torch.nonzero(count > position)[:, 0]
        numbers = first + 10 * rows + position
        template = made_up_chunk(learner_for(spec, range(len(rows))), spec, steps=3, copies=2)
        for data in vars(template).values():
            data[:] = numbers.view(-1, *[1] * (data.ndim - 1)).to(data.dtype)
        for name in FINAL:
            final = getattr(template, name)[:, :, :1].repeat_interleave(1 + position % 3, dim=2)
            setattr(template, name, final)
        rollouts.write(rows, position, template)
        parameters[rows, position, 0] = numbers.float()
    trust = torch.zeros(parameters.shape[:2])
    return rollouts, NetworkBases(parameters, count, None, trust)


@given(
    seed=st.integers(0, 10**6),
    rounds=st.integers(1, 3),
    sizes=st.lists(st.lists(st.integers(1, 3), min_size=2, max_size=2), min_size=1, max_size=4),
)
def test_what_is_kept_is_the_newest_rounds_of_every_row(seed, rounds, sizes):
    random = np.random.default_rng(seed)
    rollouts, bases = numbered_round(SPREAD, [1, 2], 0)
    latest, before = [[0], [10, 11]], [[], []]
    earlier = None
    for number, counts in enumerate(sizes, start=1):
        rows = np.flatnonzero(random.random(2) < 0.7)
        if len(rows) == 0:
            continue
        chosen = torch.from_numpy(rows)
        earlier = EarlierRounds.after(earlier, rollouts, bases, chosen, rounds)
        new_rollouts, new_bases = numbered_round(SPREAD, [counts[r] for r in rows], 100 * number)
        rollouts.put_rows(chosen, new_rollouts)
        bases.put_rows(chosen, new_bases)
        for place, row in enumerate(rows):
            before[row] = [latest[row], *before[row]][:rounds]
            latest[row] = [100 * number + 10 * place + k for k in range(counts[row])]
        for row in range(2):
            flat = [chunk for kept in before[row] for chunk in kept]
            assert earlier.rollouts.count[row] == len(flat)
            assert earlier.sizes[row].tolist()[: len(before[row])] == [len(b) for b in before[row]]
            everything = latest[row] + flat
            places = torch.from_numpy(random.integers(0, len(everything), (2, 3)))
            places[1 - row] = 0
            drawn = earlier.beside(rollouts, places)
            wanted = [everything[place] for place in places[row].tolist()]
            assert drawn.rewards[row, 0, 0].tolist() == [w for w in wanted for _ in range(2)]
            assert drawn.final_observations[row, 0, 0, ::2, 0].tolist() == wanted
            assert earlier.collectors(bases, places)[row, :, 0].tolist() == wanted


def test_chunks_side_by_side_are_their_copies_side_by_side():
    learner = learner_for(SPREAD)
    chunks = [made_up_chunk(learner, SPREAD, seed=seed) for seed in range(3)]
    rollouts = round_of(learner, SPREAD, chunks).rollouts
    places = torch.tensor([[0, 2], [1, 1]])
    found = rollouts.side_by_side(places)
    for row, wanted in enumerate(places.tolist()):
        for name, data in vars(found).items():
            copies = 2 if name in ("ended", "terminated") else 3
            for number, place in enumerate(wanted):
                part = data.narrow(copies, 4 * number, 4)[row]
                own = getattr(chunks[place], name)[row].to(part.dtype)
                if name in FINAL:
                    assert torch.equal(part[:, : own.shape[1]], own), name
                else:
                    assert torch.equal(part, own), name


def test_ratios_to_a_mixture_are_those_of_the_loop():
    random = np.random.default_rng(0)
    current, *played = torch.from_numpy(np.log(random.random((4, 2, 3, 5))))
    alive = torch.from_numpy((random.random((2, 3, 5)) < 0.7).astype(float))
    shares = [0.5, 0.3, 0.2]
    found = LogRatios.of_mixture(current, played, shares, alive)
    for row, sample in np.ndindex(2, 5):
        joint, products = 1.0, np.ones(3)
        for agent in range(3):
            rest = [i for i in range(3) if i != agent and alive[row, i, sample]]
            densities = [np.prod([float(p[row, i, sample].exp()) for i in rest]) for p in played]
            others = np.prod([float(current[row, i, sample].exp()) for i in rest])
            ratio = found.others[row, agent, sample].exp().item()
            assert ratio == pytest.approx(others / (shares @ np.array(densities)))
        for agent in range(3):
            if not alive[row, agent, sample]:
                assert found.own[row, agent, sample] == 0
                continue
            place = (row, agent, sample)
            densities = np.array([float(p[place].exp()) for p in played])
            own = float(current[place].exp()) / (shares @ densities)
            assert found.own[place].exp().item() == pytest.approx(own)
            joint *= float(current[place].exp())
            products *= densities
        mixed = shares @ products
        assert found.joint[row, sample].exp().item() == pytest.approx(joint / mixed)


def test_a_mixture_of_one_policy_is_that_policy():
    random = np.random.default_rng(1)
    current, played = torch.from_numpy(np.log(random.random((2, 2, 3, 5))))
    alive = torch.ones(2, 3, 5)
    one = LogRatios.of_one(current, played, alive)
    two = LogRatios.of_mixture(current, [played, played], [0.4, 0.6], alive)
    torch.testing.assert_close(one.own, two.own)
    torch.testing.assert_close(one.joint, two.joint)
    torch.testing.assert_close(one.others, two.others)


def test_weights_to_a_mixture_are_unbiased_whoever_played():
    """The mean weight is 1 within five standard errors: in a million tests it fails in one."""
    learner = learner_for(SPREAD, range(1), chunks="all", reuse=2, epochs=2, longest_round=1)
    here = learner.networks.actor
    generator = torch.Generator().manual_seed(0)
    for seed in range(2):
        bases = here + 0.3 * torch.randn(here.shape, generator=generator)
        chunk = made_up_chunk(learner, SPREAD, seed, 50, 50, bases=bases)
        round_ = round_of(learner, SPREAD, [chunk])
        round_.bases.parameters = bases.unsqueeze(1)
        learner.receive(np.arange(1), round_)
    learner.weigh()
    weights = learner._weighed.joint[0].double()
    assert len(weights) == 5000
    assert weights.std() > 0.1
    weighed = learner._weighed
    played = weighed.chunk.log_probs.flatten(2, 3)
    alone = (weighed.log_probs - played).sum(dim=1)[0].double().exp()
    assert (weights <= 2 * alone * (1 + 1e-4)).all()  # whoever played had half of the samples
    assert abs(weights.mean() - 1) < 5 * weights.std() / 5000**0.5


def test_with_one_chunk_all_are_the_own_one():
    ends = []
    for chunks in ("own", "all"):
        learner = learner_for(MASKED, chunks=chunks, longest_round=1, minibatches=2)
        for seed in range(3):
            chunk = made_up_chunk(learner_for(MASKED), MASKED, seed=seed)
            learner.receive(np.arange(2), round_of(learner, MASKED, [chunk]))
            learner.update()
        ends.append(learner.networks)
    assert torch.equal(ends[0].actor, ends[1].actor)
    assert torch.equal(ends[0].critic, ends[1].critic)


def test_each_local_update_draws_evenly_on_all_and_on_others_in_turn():
    learner = learner_for(SPREAD, range(1), chunks="all", epochs=3, longest_round=7)
    chunks = [made_up_chunk(learner, SPREAD, seed=seed) for seed in range(7)]
    for position, chunk in enumerate(chunks):
        chunk.rewards[:] = position
    learner.receive(np.arange(1), round_of(learner, SPREAD, chunks))
    drawn = []
    for _ in range(7):
        learner.weigh()
        drawn.append(learner._weighed.chunk.rewards[0, 0, 0, ::4].long().tolist())
        learner.update()
    assert all(len(set(places)) == 3 for places in drawn)
    assert drawn[0] == [0, 2, 4]
    assert sorted(place for places in drawn for place in places) == sorted(3 * [*range(7)])


@pytest.mark.parametrize("minibatches", [1, 2])
def test_a_local_update_costs_as_much_as_with_one_chunk(minibatches, monkeypatch):
    sizes = []
    for chunks in ("own", "all"):
        learner = learner_for(SPREAD, chunks=chunks, minibatches=minibatches, epochs=5)
        rule = learner._updater._rule
        taken = []
        step = rule._step
        monkeypatch.setattr(rule, "_step", lambda *a, t=taken, s=step: t.append(a[2]) or s(*a))
        made_up = [made_up_chunk(learner, SPREAD, seed=seed) for seed in range(4)]
        learner.receive(np.arange(2), round_of(learner, SPREAD, made_up))
        learner.update()
        sizes.append(taken)
    assert sizes[0] == sizes[1] == 5 * minibatches * [20 // minibatches]


def test_every_joint_step_has_its_turn():
    learner = learner_for(SPREAD, chunks="all", epochs=4)
    updater = learner._updater
    (minibatches,) = updater._passes(updater._shuffles, 80, 4)
    steps = torch.cat(minibatches, dim=1)
    for row in range(2):
        assert sorted(steps[row].tolist()) == [*range(80)]
    assert not torch.equal(steps[0], steps[1])


def test_neighbours_of_one_collector_share():
    first, second, third = torch.randn(3, 2, 5)
    second[1] = first[1]  # in one row only, which makes no difference to what is the same in both
    shares = shares_of(torch.stack([first, first, second, third], dim=1))
    assert [share for _, share in shares] == [0.5, 0.25, 0.25]
    for (found, _), expected in zip(shares, (first, second, third), strict=True):
        assert torch.equal(found, expected)


def test_earlier_rounds_need_local_updates_that_draw_on_them():
    with pytest.raises(InputError, match=r"learner\.reuse=3 learner\.chunks=own.*chunks=all"):
        compose("game=mpe/simple_spread", "learner.reuse=3")
    compose("game=mpe/simple_spread", "learner.reuse=3", "learner.chunks=all")
