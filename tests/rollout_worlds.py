"""Chunks of made-up data, and MAPPO learners to feed them to."""

import numpy as np
import torch

from marl_comm.experience.network_bases import NetworkBases, Round
from marl_comm.experience.rollouts import Chunk, Rollouts, at_ends
from marl_comm.games.environments.spec import Spec
from marl_comm.learners.mappo.distributions import permitted
from marl_comm.learners.mappo.hyperparameters import Hyperparameters
from marl_comm.learners.mappo.learner import Mappo
from marl_comm.learners.mappo.predictor import predictor_named
from marl_comm.randomness import Streams

SPREAD = Spec(("a", "b", "c"), (4, 4, 4), (5, 5, 5), discrete=True)
UNEVEN = Spec(("speaker", "listener"), (3, 6), (3, 5), discrete=True)
NUMBERS = Spec(("a", "b"), (4, 2), (2, 1), discrete=False)
MASKED = Spec(("a", "b"), (3, 4), (5, 3), discrete=True, masked=True)
SEVERAL = Spec(("a", "b"), (3, 4), (5, 4), discrete=True, parts=((2, 3), (4,)), masked=True)


def drawn_masks(spec, random, shape) -> torch.Tensor:
    """Masks for agents, shape (rows, agents, ...): half of the choices, at least one of a part."""
    if not spec.masked:
        return torch.zeros((*shape, 0), dtype=torch.bool)
    choices = torch.from_numpy(spec.choices)
    ranks = torch.from_numpy(random.random((*shape, *choices.shape[1:])))
    existing = choices.view(1, len(choices), *[1] * (len(shape) - 2), *choices.shape[1:])
    ranks = torch.where(existing, ranks, 2.0)
    legal = existing & ((ranks < 0.5) | (ranks == ranks.amin(dim=-1, keepdim=True)))
    return legal.flatten(-2)


def settings(**changes) -> Hyperparameters:
    values = {
        "actors": "shared",
        "critic": "central",
        "hidden": [16, 16],
        "activation": "tanh",
        "learning_rate": 3e-3,
        "critic_learning_rate": 2e-3,
        "learning_rate_decay": False,
        "step_scaling": "none",
        "betas": [0.9, 0.999],
        "chunks": "own",
        "reuse": "latest",
        "epochs": 3,
        "minibatches": 1,
        "clip": 0.2,
        "entropy_bonus": 0.01,
        "max_gradient_norm": 0.5,
        "huber_delta": 1.0,
        "discount": 0.95,
        "trace": 0.9,
        "importance_weights": "per_agent",
        "truncation": 2.0,
        "others_truncation": 2.0,
        "advantages": "gae",
        "recompute_advantages": False,
        "delta_truncation": 1.0,
        "trace_truncation": 1.0,
        "device": "cpu",
        **changes,
    }
    return Hyperparameters.model_validate(values)


def learner_for(
    spec=SPREAD,
    seeds=range(2),
    *,
    weighted=True,
    one_large_update=False,
    longest_round=4,
    predictor=None,
    **changes,
) -> Mappo:
    return Mappo(
        spec,
        Streams(seeds),
        settings(**changes),
        team_reward="mean",
        importance_weighted=weighted,
        one_large_update=one_large_update,
        observations_travel=True,
        total_updates=100,
        longest_round=longest_round,
        predictor=None if predictor is None else predictor_named(predictor),
    )


def made_up_chunk(learner, spec, seed=0, steps=5, copies=4, *, bases=None, leavers=False) -> Chunk:
    """Random observations and rewards, actions drawn from the given policies (rows, P)."""
    random = np.random.default_rng(seed)
    rows, agents = learner.rows, len(spec.agents)
    shape = (rows, agents, steps, copies)
    mask = torch.from_numpy(spec.observation_mask).float()
    seen = torch.from_numpy(random.standard_normal((*shape, spec.largest_observation))).float()
    observations = seen * mask[None, :, None, None]
    led_to = torch.from_numpy(random.standard_normal((*shape, spec.largest_observation))).float()
    ended = random.random((rows, steps, copies)) < 0.3
    terminated = ended & (random.random(ended.shape) < 0.5)
    policy = learner.policy
    legal = drawn_masks(spec, random, shape)
    outputs = policy.actor(
        policy.parameters if bases is None else bases,
        policy.actor.inputs(observations.flatten(2, 3)),
    )
    outputs = permitted(outputs, legal.flatten(2, 3))
    noise = policy.noise(random, (rows, agents, steps * copies))
    actions = policy.distribution.sample(outputs, noise)
    log_probs = policy.distribution.log_prob(outputs, actions)
    alive = np.ones(shape, dtype=bool)
    if leavers:
        alive = random.random(shape) < 0.7
        alive[:, 0] = True
    final = at_ends(led_to * mask[None, :, None, None], torch.from_numpy(ended))
    world, world_led_to = (
        torch.from_numpy(drawn.standard_normal((rows, 1, steps, copies, spec.world_size))).float()
        for drawn in (np.random.default_rng(1), np.random.default_rng(2))
    )
    return Chunk(
        observations=observations,
        legal=legal,
        actions=actions.unflatten(2, (steps, copies)),
        log_probs=log_probs.unflatten(2, (steps, copies)),
        rewards=torch.from_numpy(random.standard_normal(shape)).float(),
        alive=torch.from_numpy(alive),
        ended=torch.from_numpy(ended),
        terminated=torch.from_numpy(terminated),
        final_observations=final,
        world=world,
        final_world=at_ends(world_led_to, torch.from_numpy(ended)),
    )


def round_of(learner, spec, chunks, predicted=None, trust=0.0) -> Round:
    """A round of the given chunks, collected by the current policies unless predicted."""
    count = torch.full((learner.rows,), len(chunks))
    steps, copies = chunks[0].rewards.shape[2:]
    rollouts = Rollouts.empty(spec, count, steps, copies)
    for position, chunk in enumerate(chunks):
        rollouts.write(torch.arange(learner.rows), position, chunk)
    bases = NetworkBases.current(learner.networks.actor.clone(), count)
    if predicted is not None:
        current = learner.networks.actor.unsqueeze(1)
        trusted = torch.full(predicted.shape[:2], trust)
        bases = NetworkBases(current + trust * (predicted - current), count, predicted, trusted)
    return Round(bases, rollouts)
