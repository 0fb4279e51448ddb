"""The memory of a run in an environment, estimated before anything but a first copy is made."""

import math
from dataclasses import dataclass

import torch

from marl_comm.config import memory
from marl_comm.errors import InputError
from marl_comm.experience.rollouts import action_tensor_type
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.games.environments.spec import Spec
from marl_comm.learners.mappo.batch import steps_per_block
from marl_comm.learners.mappo.families import distribution_for
from marl_comm.learners.mappo.hyperparameters import Hyperparameters
from marl_comm.learners.mappo.networks import Actor, critic_of
from marl_comm.options.answers import RunSettings

_MIB = 2**20
_PROGRAM = 320 * _MIB  # Python, torch, and what else is imported
_BYTES_PER_COPY = 16 * 2**10  # of mpe2 as measured; what other environments hold is their own
_NUMBER = 4  # bytes of a float32


@dataclass(frozen=True)
class Estimate:
    """What a run holds at its peak, in bytes.

    Attributes:
        tensors: Data, networks and the work on them, on `learner.device`.
        host: Everything else: the program, environments, and a checkpoint's copy of the tensors.
    """

    tensors: int
    host: int


def refuse_too_large_runs(run: RunSettings, spec: Spec, gpu_bytes: int | None) -> None:
    """Raise InputError where the estimate exceeds what this machine can give the run.

    Args:
        run: All settings.
        spec: Of its environment.
        gpu_bytes: The memory of the GPU that the run is to use; None on a CPU.
    """
    longest_round = run.longest_round
    estimate = estimated(run, spec, longest_round)
    host = estimate.host + (estimate.tensors if gpu_bytes is None else 0)
    _refuse(run, longest_round, "this machine", host, memory.available_bytes())
    if gpu_bytes is not None:
        _refuse(run, longest_round, "its GPU", estimate.tensors, gpu_bytes)


def estimated(run: RunSettings, spec: Spec, longest_round: int) -> Estimate:
    """Return roughly how much memory the run needs at its peak.

    Counted are the rounds' data (the latest, and the next while it is collected), base policies,
    networks with their optimisers, what an update makes of a chunk, and the copies of all that
    while a checkpoint is written; `docs/development.md` compares the sum with measurements.
    """
    game, learner = run.game, run.learner
    assert isinstance(game, EnvironmentSettings)
    assert isinstance(learner, Hyperparameters)
    seeds, agents = run.num_seeds, len(spec.agents)
    steps = game.steps * game.copies
    seen = (agents * spec.largest_observation + spec.world_size) * _NUMBER
    stretches = 1 + game.steps // game.longest_evaluation
    action = action_tensor_type(spec).itemsize * math.prod(spec.action_shape)
    per_step = seen + agents * (action + spec.mask_size + 2 * _NUMBER + 1) + 2
    chunk = seeds * (steps * per_step + stretches * game.copies * seen)
    rounds = longest_round * chunk

    actor, critic = parameter_counts(spec, learner)
    predicted = run.algorithm.predicts
    # Predictions are held before and after calibration, and past ones until they are scored.
    bases = seeds * longest_round * actor * _NUMBER * (3 if predicted else 1)
    # Earlier rounds are held, the new ones of them, and all of them while these are made.
    earlier = (3 * learner.rounds - 2 if learner.rounds > 1 else 0) * (rounds + bases)
    networks = 12 * seeds * (actor + critic) * _NUMBER  # moments, gradients, a copy to rehearse

    # Every step's data and what it led to, in a list and joined.
    collecting = 2 * (chunk + seeds * steps * (seen + 8 * agents))
    inputs = 2 * seen + agents * agents * _NUMBER
    # Of the critics, all joint steps at once.
    values = 2 * max(learner.hidden) * _NUMBER * (agents if learner.critic == "own" else 1)
    numbers = 12 * (agents + 1) * _NUMBER  # weights, advantages and so on
    draws_on_all = learner.chunks == "all" or run.algorithm.one_large_update
    drawn = min(learner.epochs, longest_round * learner.rounds) if draws_on_all else 1
    weighing = chunk + seeds * steps * (2 * inputs + values + numbers)
    updating = drawn * weighing + _gradients(run, agents)

    saved = learner.rounds * (rounds + bases) + networks // 4
    during_rounds = 2 * (rounds + bases) + earlier + max(collecting, updating)
    tensors = networks + during_rounds
    playing = game.copies * (2 if run.algorithm.asks_the_game else 1)
    copies = seeds * (playing + game.evaluation_copies)
    # A checkpoint is encoded and written after an update, when the next round is not there yet.
    checkpoint = 2 * saved + saved // 8
    if learner.device == "cpu":
        checkpoint = max(0, checkpoint - (during_rounds - rounds - bases))
    program = _PROGRAM + game.library_bytes
    return Estimate(tensors, program + copies * _BYTES_PER_COPY + checkpoint)


def parameter_counts(spec: Spec, learner: Hyperparameters) -> tuple[int, int]:
    """Return the numbers of parameters of a seed's policies and of its value function."""
    hidden, activation = learner.hidden, learner.activation
    outputs = distribution_for(spec, torch.device("cpu")).outputs
    actor = Actor(spec, outputs, hidden, activation, shared=learner.shares_actors)
    return actor.size, critic_of(spec, learner).size


def _gradients(run: RunSettings, agents: int) -> int:
    """Return what the layers of the policies hold while a block is differentiated."""
    game, learner = run.game, run.learner
    assert isinstance(game, EnvironmentSettings)
    assert isinstance(learner, Hyperparameters)
    rows = run.num_seeds * agents
    everything = rows * game.steps * game.copies
    block = rows * steps_per_block(run.num_seeds, agents)
    if learner.device == "cpu":
        layers, everything = 6, min(block, everything)
    else:
        layers = 3  # twice what an H100 held (docs/development.md)
    return everything * layers * (sum(learner.hidden) + 32) * _NUMBER


def _refuse(
    run: RunSettings, longest_round: int, where: str, estimate: int, available: int
) -> None:
    if estimate <= available:
        return
    game, learner = run.game, run.learner
    assert isinstance(game, EnvironmentSettings)
    assert isinstance(learner, Hyperparameters)
    raise InputError(
        f"num_seeds={run.num_seeds} game.copies={game.copies} game.steps={game.steps} "
        f"learner.hidden={list(learner.hidden)} with rounds of up to {longest_round} chunks: "
        f"the run would need about {memory.gib(estimate)} of memory, {where} allows "
        f"{memory.gib(available)}; lower one of these numbers"
    )
