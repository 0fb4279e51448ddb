"""Tensors stay on the device that is asked for; on a GPU a run does what it does on a CPU.

The tests that need a GPU skip themselves where torch finds none. The others use torch's device
"meta", which refuses to mix with another device and computes nothing.
"""

import json
from dataclasses import fields

import numpy as np
import pytest
import torch
from rollout_worlds import (
    MASKED,
    NUMBERS,
    SEVERAL,
    SPREAD,
    UNEVEN,
    learner_for,
    made_up_chunk,
    settings,
)

from marl_comm.command_line.composition import compose
from marl_comm.experience.network_bases import NetworkBases
from marl_comm.experience.rollouts import Chunk
from marl_comm.games.environments.environments import Step
from marl_comm.games.environments.episodes import Episodes
from marl_comm.learners.mappo.batch import Batch
from marl_comm.learners.mappo.learner import Mappo
from marl_comm.learners.mappo.predictor import predictor_named
from marl_comm.randomness import Streams
from marl_comm.runs import session
from marl_comm.runs.assemble import assemble

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")

SMALL = [
    "game=mpe/simple_spread",
    "num_seeds=2",
    "game.copies=4",
    "game.evaluation_every=2",
    "game.evaluation_copies=2",
    "learner.hidden=[16]",
    "learner.epochs=2",
    "logger=local",
]
PERIODIC = ["communication=periodic", "communication.period=2", "communication.warmup=2"]


SPECS = {
    "even": SPREAD,
    "uneven": UNEVEN,
    "numbers": NUMBERS,
    "masked": MASKED,
    "several": SEVERAL,
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("actors", ["shared", "separate"])
@pytest.mark.parametrize("minibatches", [1, 2])
def test_a_local_update_makes_nothing_elsewhere(spec, actors, minibatches):
    chunk = made_up_chunk(learner_for(spec, actors=actors), spec, leavers=True)
    there = Chunk(**{name: data.to("meta") for name, data in vars(chunk).items()})
    learner = Mappo(
        spec,
        Streams(range(2)),
        settings(actors=actors, minibatches=minibatches).model_copy(update={"device": "meta"}),
        team_reward="mean",
        importance_weighted=True,
        one_large_update=False,
        observations_travel=True,
        total_updates=100,
        longest_round=4,
        predictor=predictor_named("momentum"),
    )
    rows = torch.arange(2, device="meta")
    weighed = learner._updater.weigh(learner.networks.actor, there)
    figures = learner._updater.update(learner.networks, weighed)
    found = [*figures.values(), learner.networks.actor, learner.networks.values.moments]
    for predictor in ("momentum", "extrapolate"):
        step = predictor_named(predictor).step
        found.append(step(learner._updater, learner.networks, learner.start, learner.updates))
        learner.tracked.remember(learner.networks.actor, found[-1], 4)
    found.append(learner.predict(rows, 3))
    probes = learner._probes(there)
    found.append(probes.divergence(*2 * [probes.outputs(learner.networks.actor)]))
    bases = NetworkBases.current(learner.networks.actor, torch.full((2,), 3))
    noise = learner.policy.noise(np.random.default_rng(0), (2, len(spec.agents), 4)).to("meta")
    seen = there.observations[:, :, 0], there.legal[:, :, 0]
    found += learner.behaviours_for(bases).act(rows, 0, *seen, noise)
    found.append(learner.policy.act(*seen, None))
    assert {tensor.device.type for tensor in found} == {"meta"}


def test_returns_are_summed_where_the_simulation_is():
    def there(*shape, kind=torch.float32):
        return torch.zeros(shape, dtype=kind, device="meta")

    episodes = Episodes.going_on(there(2, 3, 4))
    flags = there(2, 4, kind=torch.bool)
    info = {"info_won": there(2, 4)}
    step = Step(there(2, 3, 4), flags, flags, there(2, 3, 4, 1), info)
    episodes.count_step(torch.arange(2, device="meta"), flags, step)
    found = [episodes.running, episodes.total, episodes.ended, *episodes.info.values()]
    assert {tensor.device.type for tensor in found} == {"meta"}


def test_all_of_a_chunk_at_once_is_no_copy_on_a_gpu():
    seen = torch.zeros((2, 3, 99_999, 8), device="meta")
    data = {field.name: seen[..., 0].contiguous() for field in fields(Batch)}
    data |= {"actor_inputs": seen, "targets": torch.zeros((2, 99_999), device="meta")}
    (block,) = Batch(**data).cut(None)
    assert block.actor_inputs.shape == seen.shape
    assert block.actor_inputs.untyped_storage()._cdata == seen.untyped_storage()._cdata


def ended_run(directory, *overrides):
    """Return the final policies and the last point of every seed."""
    session.execute(compose(*SMALL, *overrides), directory)
    points = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    with np.load(directory / "final.npz") as arrays:
        return arrays["actor"], points[-2:]


@gpu
@pytest.mark.parametrize("predictor", ["momentum", "rehearse", "extrapolate"])
def test_two_updates_on_a_gpu_are_those_on_a_cpu(tmp_path, predictor):
    overrides = [*PERIODIC, f"algorithm.predictor={predictor}", "max_local_steps=2"]
    here, points = ended_run(tmp_path / "cpu", *overrides)
    there, others = ended_run(tmp_path / "gpu", *overrides, "learner.device=cuda")
    np.testing.assert_allclose(there, here, rtol=1e-2, atol=1e-3)
    for one, other in zip(points, others, strict=True):
        assert other["bytes_up"] == one["bytes_up"]
        assert other["value_loss"] == pytest.approx(one["value_loss"], rel=1e-2)


@gpu
@pytest.mark.parametrize("predictor", ["momentum", "rehearse", "extrapolate"])
def test_prediction_is_calibrated_on_a_gpu(tmp_path, predictor):
    overrides = [*PERIODIC, f"algorithm.predictor={predictor}", "max_local_steps=8"]
    _, points = ended_run(tmp_path / "run", *overrides, "learner.device=cuda")
    for point in points:
        assert 0 <= point["kappa"] <= 1
        assert -1.001 <= point["cosine"] <= 1.001
        assert np.isfinite(point["kl_unpredicted"])


@gpu
def test_a_learner_on_a_gpu_takes_over_a_checkpoint():
    config = compose(*SMALL, *PERIODIC, "learner.device=cuda")
    streams = Streams(range(2))
    parts = assemble(config, streams)
    game, first = parts.game, parts.learner
    rows = np.arange(2)
    bases = parts.plan(rows)
    first.receive(rows, game.collect(rows, first.behaviours_for(bases), None))
    first.update()
    second = config.learner.build(config, game, parts.algorithm)
    second.restore(first.state(), game.restore_experience)
    assert second.networks.actor.device.type == "cuda"
    torch.testing.assert_close(second.networks.actor, first.networks.actor, rtol=0, atol=0)
    position = torch.zeros(2, dtype=torch.int64, device="cuda")
    for name, data in vars(second._rollouts.chunk(position)).items():
        torch.testing.assert_close(data, vars(first._rollouts.chunk(position))[name])
    second.update()


@gpu
def test_vmas_is_simulated_on_a_gpu_without_touching_its_random_state():
    pytest.importorskip("vmas")
    config = compose("game=vmas/simple_spread", *SMALL[1:], "learner.device=cuda")
    parts = assemble(config, Streams(range(2)))
    game, learner = parts.game, parts.learner
    before = torch.cuda.get_rng_state()
    bases = NetworkBases.current(learner.networks.actor, torch.ones_like(learner.updates))
    rollouts = game.collect(np.arange(2), learner.behaviours_for(bases), None).rollouts
    assert rollouts.chunks.observations.device.type == "cuda"
    assert torch.equal(torch.cuda.get_rng_state(), before)
