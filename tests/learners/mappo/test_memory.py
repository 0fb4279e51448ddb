"""The estimate of what a run in an environment will hold, and what happens when it is too much."""

import pytest
import torch
from rollout_worlds import NUMBERS, SPREAD, UNEVEN, learner_for

from marl_comm.command_line.composition import compose
from marl_comm.config import memory
from marl_comm.errors import InputError
from marl_comm.experience.rollouts import Rollouts
from marl_comm.learners.mappo import memory as environment_memory
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import assemble


def estimated(*overrides, spec=SPREAD, longest_round=4):
    config = compose("game=mpe/simple_spread", "logger=local", *overrides)
    return environment_memory.estimated(config, spec, longest_round)


@pytest.mark.parametrize("spec", [SPREAD, UNEVEN, NUMBERS], ids=["even", "uneven", "numbers"])
@pytest.mark.parametrize("actors", ["shared", "separate"])
def test_networks_are_counted_parameter_by_parameter(spec, actors):
    learner = learner_for(spec, actors=actors)
    networks = learner.networks
    settings = compose(
        "game=mpe/simple_spread", "learner.hidden=[16,16]", f"learner.actors={actors}"
    ).learner
    found = environment_memory.parameter_counts(spec, settings)
    assert found == (networks.actor.shape[1], networks.critic.shape[1])


@pytest.mark.parametrize("spec", [SPREAD, UNEVEN, NUMBERS], ids=["even", "uneven", "numbers"])
def test_a_further_chunk_costs_two_of_it_while_two_rounds_are_held(spec):
    """On top of them a checkpoint may need another copy; never more than four in all."""
    sizes = ("num_seeds=3", "game.steps=25", "game.copies=50", "algorithm=importance_sampling")
    rollouts = Rollouts.empty(spec, torch.full((3,), 4), 25, 50)
    held = sum(data.nbytes for data in vars(rollouts.chunks).values()) / 4
    more, less = (estimated(*sizes, spec=spec, longest_round=n) for n in (41, 40))
    assert more.tensors - less.tensors >= 2 * held
    whole = more.tensors + more.host - less.tensors - less.host
    assert 2 * held <= whole < 4 * held


def test_kept_rounds_are_counted_as_they_are_held_while_one_is_received():
    """The latest, the new one, the earlier ones twice, and all of them at once in between."""
    sizes = ("num_seeds=3", "game.steps=25", "game.copies=50", "algorithm=importance_sampling")
    rollouts = Rollouts.empty(SPREAD, torch.full((3,), 4), 25, 50)
    round_ = sum(data.nbytes for data in vars(rollouts.chunks).values())
    before = estimated(*sizes).tensors
    for rounds in (2, 5):
        kept = estimated(*sizes, "learner.chunks=all", f"learner.reuse={rounds}").tensors
        drawn = estimated(*sizes, "learner.chunks=all").tensors - before
        assert kept - before - drawn >= (3 * rounds - 2) * round_
        assert kept - before - drawn < (3 * rounds - 2) * 1.3 * round_ + 3 * drawn


def test_a_further_chunk_costs_its_base_policy_and_its_prediction_in_both_rounds():
    settings = (
        "num_seeds=3",
        "game.steps=2",
        "game.copies=1",
        "learner.hidden=[256,256]",
        "algorithm=base_policy_prediction",
        "communication=periodic",
    )
    learner = compose("game=mpe/simple_spread", *settings).learner
    actor, _ = environment_memory.parameter_counts(SPREAD, learner)
    more, less = (estimated(*settings, longest_round=n) for n in (41, 40))
    bases = 3 * actor * 4  # of one chunk, 32-bit numbers
    assert 2 * 2 * bases <= more.tensors - less.tensors <= 2 * 3.1 * bases


def test_runs_that_do_not_fit_are_refused_before_environments_are_made(monkeypatch):
    config = compose("game=mpe/simple_spread", "num_seeds=100000", "game.copies=100000")
    with pytest.raises(InputError, match=r"^num_seeds=100000 game\.copies=100000 .*$"):
        assemble(config, Streams(range(1)))
    small = compose("game=mpe/simple_spread", "game.copies=2", "algorithm=full_communication")
    estimate = environment_memory.estimated(small, build_spec(small), 1)
    needed = estimate.tensors + estimate.host
    monkeypatch.setattr(memory, "available_bytes", lambda: needed)
    assemble(small, Streams(range(1)))
    monkeypatch.setattr(memory, "available_bytes", lambda: needed - 1)
    with pytest.raises(InputError, match=f"about {needed / 2**30:.3g} GiB of memory, this machine"):
        assemble(small, Streams(range(1)))


def build_spec(config):
    return assemble(config, Streams(range(1))).game.spec


def test_a_gpu_has_to_hold_the_tensors_only():
    config = compose("game=mpe/simple_spread", "learner.device=cuda", "logger=local")
    estimate = environment_memory.estimated(config, SPREAD, config.longest_round)
    environment_memory.refuse_too_large_runs(config, SPREAD, estimate.tensors)
    with pytest.raises(InputError, match="its GPU allows"):
        environment_memory.refuse_too_large_runs(config, SPREAD, estimate.tensors - 1)
