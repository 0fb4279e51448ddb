"""MAPPO through the training loop: who collects what, when, and what is counted."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from marl_comm.command_line.composition import compose
from marl_comm.learners.mappo.learner import Mappo
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import assemble
from marl_comm.storage.checkpoints import decode, encode
from marl_comm.train import LoopState, train

SMALL = [
    "game=mpe/simple_spread",
    "game.copies=3",
    "game.steps=5",
    "game.max_cycles=5",
    "game.evaluation_every=100",
    "game.evaluation_copies=1",
    "learner.hidden=[8]",
    "learner.epochs=2",
    "logger=local",
]


class Trace:
    """Remembers the figures of every local update."""

    def __init__(self):
        self.steps = []
        self.ends = []

    def record(self, seed_rows, local_step, evaluation, learner):
        figures = {name: np.array(data) for name, data in learner.diagnostics().items()}
        self.steps.append({**figures, "policy": learner.networks.actor.clone().numpy()})
        return np.zeros(len(seed_rows), dtype=bool)

    def stop(self, seed_rows, reason, final):
        self.ends.append((seed_rows.tolist(), reason))


def play(*overrides, seeds=2, local_steps=9, resume_after=None, small=SMALL):
    config = compose(*small, f"num_seeds={seeds}", f"max_local_steps={local_steps}", *overrides)
    streams = Streams(range(seeds))
    parts = assemble(config, streams)
    game = parts.game
    trace, loop = Trace(), LoopState.start(seeds)
    if resume_after is not None:
        loop = resumed_at(resume_after, config, (game, parts.learner, parts.ledger, streams))
    rounds = []
    collect = game.collect
    game.collect = lambda *arguments: rounds.append(collect(*arguments)) or rounds[-1]
    train(parts, trace, loop, after_step=lambda: None)
    return trace, parts.ledger, rounds


def resumed_at(local_step, config, parts):
    """Make part of the run with other objects, and hand all that they know to the given ones."""
    game, learner, ledger, streams = parts
    first_streams = Streams(streams.seeds)
    first = assemble(config, first_streams)
    first = replace(first, budget=replace(first.budget, max_local_steps=local_step))
    first_loop = LoopState.start(len(streams.seeds))
    saved = {}

    def save():
        if first_loop.local_step == local_step:
            parts = {"game": first.game, "learner": first.learner, "ledger": first.ledger}
            parts |= {"streams": first_streams, "loop": first_loop}
            saved.update(decode(encode({name: part.state() for name, part in parts.items()})))

    train(first, Trace(), first_loop, after_step=save)
    learner.restore(saved["learner"], game.restore_experience)
    game.restore(saved["game"])
    ledger.restore(saved["ledger"])
    streams.restore(saved["streams"])
    loop = LoopState.start(len(streams.seeds))
    loop.restore(saved["loop"])
    return loop


def same(first, second):
    for one, other in zip(first, second, strict=True):
        for name, data in vars(one.rollouts.chunks).items():
            assert torch.equal(data, getattr(other.rollouts.chunks, name)), name


PERIODIC = ("communication=periodic", "communication.period=3", "communication.warmup=2")


@pytest.mark.parametrize("predictor", ["momentum", "rehearse", "extrapolate", "twin"])
def test_without_trust_prediction_collects_what_importance_sampling_collects(
    predictor, monkeypatch
):
    monkeypatch.setattr(
        Mappo, "trust", lambda learner, rows, predicted: torch.zeros(predicted.shape[:2])
    )
    sampling = play("algorithm=importance_sampling", *PERIODIC)
    prediction = play(f"algorithm.predictor={predictor}", *PERIODIC)
    same(sampling[2], prediction[2])
    for one, other in zip(sampling[0].steps, prediction[0].steps, strict=True):
        np.testing.assert_array_equal(one["policy"], other["policy"])
    assert np.isfinite(prediction[0].steps[-2]["cosine"]).all()


def test_a_prediction_is_trusted_once_three_of_its_reach_were_seen_to_be_good():
    communication = ("communication=periodic", "communication.period=3", "communication.warmup=5")
    _, _, rounds = play(*communication, local_steps=17)
    trusts = [round_.bases.trust for round_ in rounds]
    # Predictions are made after local updates 1, 2, ...; those two ahead of 1, 2, 3 are scored
    # before the local updates 3, 4, 5 are made.
    assert all((trust == 0).all() for trust in trusts[:5])
    assert any((trust > 0).any() for trust in trusts[5:])
    trusted = next(round_.bases for round_ in rounds if (round_.bases.trust > 0).any())
    current = trusted.parameters[:, 0]
    way = trusted.predicted - current.unsqueeze(1)
    expected = current.unsqueeze(1) + trusted.trust.unsqueeze(2) * way
    torch.testing.assert_close(trusted.parameters, expected)


def test_rehearsals_are_scored_by_real_rounds_alone():
    _, _, rounds = play(*PERIODIC, "algorithm.predictor=rehearse", local_steps=17)
    trusts = [round_.bases.trust for round_ in rounds]
    assert all((trust == 0).all() for trust in trusts[:5])  # warm-up and three long rounds
    assert any((trust > 0).any() for trust in trusts[5:])


def test_uncalibrated_prediction_goes_all_the_way():
    _, _, rounds = play(*PERIODIC, "algorithm.calibration=false")
    assert (rounds[0].bases.trust == 0).all()  # nothing was learned yet
    assert all((round_.bases.trust == 1).all() for round_ in rounds[1:])


def test_each_chunk_is_collected_by_its_own_base_policy():
    _, _, rounds = play(*PERIODIC, "algorithm.calibration=false")
    last = rounds[2]
    chunks = last.rollouts.chunks
    policy = assemble(compose(*SMALL, "num_seeds=2"), Streams(range(2))).learner.policy
    for position in range(3):
        observations = chunks.observations[:, position].flatten(2, 3)
        outputs = policy.actor(
            last.bases.parameters[:, position], policy.actor.inputs(observations)
        )
        expected = policy.distribution.log_prob(outputs, chunks.actions[:, position].flatten(2, 3))
        found = chunks.log_probs[:, position].flatten(2, 3)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("overrides", "rounds", "chunks"),
    [
        (("algorithm=full_communication",), 9, 9),
        (("algorithm=importance_sampling", *PERIODIC), 5, 2 + 3 * 3),
        (("algorithm=stale", *PERIODIC), 5, 2 + 3 * 3),
        (PERIODIC, 5, 2 + 3 * 3),
    ],
)
def test_rounds_and_samples_are_counted_warm_up_included(overrides, rounds, chunks):
    _, ledger, played = play(*overrides)
    np.testing.assert_array_equal(ledger.rounds, rounds)
    np.testing.assert_array_equal(ledger.samples, chunks * 15)
    assert sum(int(round_.rollouts.count[0]) for round_ in played) == chunks
    per_chunk = 15 * (3 * (4 * 18 + 1 + 4 + 1) + 2) + 3 * 3 * 4 * 18
    np.testing.assert_array_equal(ledger.bytes_up, chunks * per_chunk)
    np.testing.assert_array_equal(ledger.bytes_down, 2 * chunks * per_chunk)


@pytest.mark.parametrize(
    "schedule",
    [
        ("communication=missing", "communication.probability=0.5"),
        ("communication=adaptive", "communication.ess_threshold=0.98"),
    ],
)
@pytest.mark.parametrize("algorithm", ["importance_sampling", "base_policy_prediction"])
def test_seeds_communicate_when_their_own_schedule_says(schedule, algorithm):
    overrides = (f"algorithm={algorithm}", *schedule, "communication.warmup=2")
    together, ledger, _ = play(*overrides, local_steps=14, seeds=3)
    assert len(set(ledger.rounds.tolist())) > 1 or schedule[0] == "communication=adaptive"
    assert (ledger.rounds >= 3).all()
    assert (ledger.rounds < 14).all()
    for step in together.steps[1:]:
        assert np.isfinite(step["ess"]).all()
    alone, own, _ = play(*overrides, local_steps=14, seeds=1)
    assert own.rounds[0] == ledger.rounds[0]
    np.testing.assert_allclose(
        alone.steps[-1]["policy"][0], together.steps[-1]["policy"][0], rtol=2e-3, atol=2e-4
    )


def test_seeds_that_end_leave_the_others_alone():
    overrides = (
        "algorithm=base_policy_prediction",
        "communication=missing",
        "communication.probability=0.5",
        "communication.warmup=2",
    )
    whole, _, _ = play(*overrides, local_steps=12, seeds=3)
    cut, ledger, _ = play(*overrides, "communication.max_rounds=6", local_steps=12, seeds=3)
    ended = [row for rows, reason in cut.ends for row in rows if reason == "communication_budget"]
    assert ended
    assert len(cut.steps[-1]["policy"]) < 3
    survivors = [row for row in range(3) if row not in ended]
    assert survivors
    np.testing.assert_allclose(
        cut.steps[-1]["policy"], whole.steps[-1]["policy"][survivors], rtol=2e-3, atol=2e-4
    )
    assert (ledger.rounds <= 6).all()


@pytest.mark.parametrize("predictor", ["momentum", "rehearse", "twin"])
def test_a_run_that_goes_on_from_a_checkpoint_ends_the_same(predictor):
    overrides = (*PERIODIC, f"algorithm.predictor={predictor}", "learner.minibatches=2")
    whole, ledger, _ = play(*overrides, local_steps=11)
    cut, _, _ = play(*overrides, local_steps=11, resume_after=7)
    np.testing.assert_array_equal(cut.steps[-1]["policy"], whole.steps[-1]["policy"])
    assert len(cut.steps) == 4
    for name, figure in whole.steps[-1].items():
        np.testing.assert_array_equal(cut.steps[-1][name], figure, err_msg=name)
    assert (ledger.rounds == 5).all()


@pytest.mark.parametrize("algorithm", ["importance_sampling", "base_policy_prediction"])
@pytest.mark.parametrize("schedule", ["periodic", "adaptive"])
def test_a_run_on_all_chunks_of_two_rounds_goes_on_the_same(algorithm, schedule):
    overrides = (
        f"algorithm={algorithm}",
        f"communication={schedule}",
        "communication.warmup=2",
        "learner.chunks=all",
        "learner.reuse=2",
        "learner.epochs=3",
    )
    if schedule == "adaptive":
        overrides = (*overrides, "communication.ess_threshold=0.98")
    else:
        overrides = (*overrides, "communication.period=3")
    whole, ledger, _ = play(*overrides, local_steps=11)
    cut, _, _ = play(*overrides, local_steps=11, resume_after=7)
    np.testing.assert_array_equal(cut.steps[-1]["policy"], whole.steps[-1]["policy"])
    for name, figure in whole.steps[-1].items():
        np.testing.assert_array_equal(cut.steps[-1][name], figure, err_msg=name)
    assert (ledger.rounds >= 3).all()
    alone, _, _ = play(*overrides, local_steps=11, seeds=1)
    np.testing.assert_allclose(
        alone.steps[-1]["policy"][0], whole.steps[-1]["policy"][0], rtol=2e-3, atol=2e-4
    )


def test_a_twin_is_a_run_that_communicates_at_every_update_from_where_the_run_is():
    """Its bases are what full communication makes of the same networks on the same noise."""
    twin = ("algorithm.predictor=twin", "algorithm.calibration=false")
    _, ledger, rounds = play(*PERIODIC, *twin, local_steps=5)
    bases = rounds[2].bases  # after two rounds of the warm-up
    assert bases.count.tolist() == [3, 3]
    assert ledger.samples.tolist() == [5 * 15] * 2  # what the twin plays is not counted
    np.testing.assert_array_equal(bases.parameters, bases.predicted)
    # Full communication whose third and later rounds are played with the twin's noise.
    config = compose(*SMALL, "num_seeds=2", "max_local_steps=5", "algorithm=full_communication")
    streams = Streams(range(2))
    parts = assemble(config, streams)
    rows, reached = np.arange(2), []
    for step in range(4):
        if step == 2:
            reached.append(parts.learner.networks.actor.clone())
            other = parts.game.beside("practice", lambda beside: config.game.build(beside, "cpu"))
            parts.learner._updater._shuffles = streams.of("rehearsal")
        game = parts.game if step < 2 else other
        behaviours = parts.learner.behaviours_for(parts.plan(rows))
        parts.learner.receive(rows, game.collect(rows, behaviours, None))
        parts.learner.update()
        if step >= 2:
            reached.append(parts.learner.networks.actor.clone())
    parts.game.close()
    torch.testing.assert_close(bases.parameters, torch.stack(reached, dim=1), rtol=0, atol=1e-5)
    assert (reached[2] - reached[0]).abs().max() > 1e-3


def test_a_twin_leaves_the_run_alone():
    """Until its bases are used: in the warm-up every round has one chunk, of the current policy."""
    ends = []
    for predictor in ("momentum", "twin"):
        trace, _, _ = play(*PERIODIC, f"algorithm.predictor={predictor}", local_steps=3)
        ends.append(trace.steps[3]["policy"])
    np.testing.assert_array_equal(*ends)


def test_a_run_with_own_critics_and_corrected_advantages_goes_on_the_same():
    overrides = (
        "algorithm=importance_sampling",
        *PERIODIC,
        "learner.critic=own",
        "learner.actors=separate",
        "learner.advantages=vtrace",
        "learner.step_scaling=effective_sample_size",
    )
    whole, _, _ = play(*overrides, local_steps=7)
    cut, _, _ = play(*overrides, local_steps=7, resume_after=4)
    np.testing.assert_array_equal(cut.steps[-1]["policy"], whole.steps[-1]["policy"])
