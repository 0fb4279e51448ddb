"""From a checked configuration to environments, MAPPO, and the plans of its base policies."""

import numpy as np
import torch

from marl_comm.algorithms import Algorithm
from marl_comm.algorithms.networks import CurrentNetworks, PredictedNetworks, RoundLength
from marl_comm.config import RunConfig
from marl_comm.config.environment import (
    AnyEnvironmentConfig,
    EnvironmentConfig,
    PettingZooConfig,
    VmasConfig,
    VmasSimpleSpreadConfig,
)
from marl_comm.config.learner import MappoConfig
from marl_comm.errors import InputError
from marl_comm.games.environments.environments import Environments
from marl_comm.games.environments.mpe import ParticleEnvironments
from marl_comm.games.environments.pettingzoo import ParallelEnvironments
from marl_comm.games.environments.player import EnvironmentGame
from marl_comm.games.environments.vmas import VectorisedEnvironments
from marl_comm.games.game import Game
from marl_comm.learners.mappo.learner import Mappo
from marl_comm.learners.mappo.memory import refuse_too_large_runs
from marl_comm.learners.mappo.prediction import Predictor
from marl_comm.randomness import Streams


def build_game(
    config: RunConfig, settings: AnyEnvironmentConfig, streams: Streams, longest_round: int
) -> EnvironmentGame:
    """Return the environments of every seed, to play in and to evaluate in.

    Raises:
        InputError: There is no GPU where one is wanted, or the run does not fit into memory.
    """
    learner = _learner_settings(config)
    if learner.device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "learner.device=cuda: torch finds no GPU on this machine; allowed here: cpu"
        )
    # Batches fill a core's cache: a second thread costs more than it brings.
    torch.set_num_threads(1)
    collecting = streams.of("environment")
    first = _environments(settings, collecting[:1], 1, learner.device)
    gpu_bytes = None
    if learner.device == "cuda":
        gpu_bytes = torch.cuda.get_device_properties(learner.device).total_memory
    refuse_too_large_runs(config, first.spec, longest_round, gpu_bytes)
    return EnvironmentGame(
        _environments(settings, collecting, settings.copies, learner.device),
        _environments(
            settings,
            streams.of("evaluation_environment"),
            settings.evaluation_copies,
            learner.device,
        ),
        streams,
        steps=settings.steps,
        evaluation_every=settings.evaluation_every,
        evaluation_steps=settings.evaluation_steps,
        device=torch.device(learner.device),
    )


def rebuild(config: RunConfig, episodes: int, seed: int) -> tuple[EnvironmentGame, Mappo]:
    """Return what a run was made of, for evaluating on other episodes and on the CPU.

    Args:
        config: Of the run.
        episodes: Copies of the environment per seed.
        seed: The first of the seeds that episodes and actions are drawn from.
    """
    assert isinstance(config.game, EnvironmentConfig)
    settings = config.game.model_copy(update={"copies": 1, "evaluation_copies": episodes})
    learner = _learner_settings(config).model_copy(update={"device": "cpu"})
    evaluated = config.model_copy(update={"game": settings, "learner": learner})
    streams = Streams(range(seed, seed + config.num_seeds))
    game = build_game(evaluated, settings, streams, longest_round=1)
    return game, build_learner(evaluated, game, longest_round=1)


def build_learner(config: RunConfig, game: Game, longest_round: int) -> Mappo:
    """Return the learner with newly drawn networks."""
    assert isinstance(config.game, EnvironmentConfig)
    assert isinstance(game, EnvironmentGame)
    return Mappo(
        game.spec,
        game.streams,
        _learner_settings(config),
        team_reward=config.game.reward,
        importance_weighted=config.algorithm.name != "stale",
        total_updates=config.max_local_steps,
        longest_round=longest_round,
        predictor=_predictor(config),
    )


def build_algorithm(config: RunConfig, longest_round: int) -> Algorithm:
    """Return the plan of the configured algorithm."""
    settings, communication = config.algorithm, config.communication
    warmup_rounds = 0 if communication.name == "unlimited" else communication.warmup or 0
    length = RoundLength(
        chunks=longest_round,
        warmup_rounds=warmup_rounds,
        adaptive=communication.name in ("adaptive", "missing"),
    )
    if settings.name != "base_policy_prediction":
        return CurrentNetworks(length)
    assert settings.policies == "networks"
    return PredictedNetworks(length, calibrated=settings.calibration)


def _predictor(config: RunConfig) -> Predictor | None:
    settings = config.algorithm
    if settings.name != "base_policy_prediction":
        return None
    assert settings.policies == "networks"
    return settings.predictor


def _learner_settings(config: RunConfig) -> MappoConfig:
    assert isinstance(config.learner, MappoConfig)
    return config.learner


def _environments(
    settings: AnyEnvironmentConfig, randoms: list[np.random.Generator], copies: int, device: str
) -> Environments:
    if isinstance(settings, PettingZooConfig):
        return ParallelEnvironments(settings.environment, settings.arguments, randoms, copies)
    if isinstance(settings, VmasConfig | VmasSimpleSpreadConfig):
        return VectorisedEnvironments(
            settings.scenario,
            settings.arguments,
            randoms,
            copies,
            max_steps=settings.max_steps,
            continuous_actions=settings.continuous_actions,
            device=device,
        )
    arguments = settings.model_dump(exclude=set(EnvironmentConfig.model_fields))
    if "agents" in arguments:
        arguments["N"] = arguments.pop("agents")
    return ParticleEnvironments(settings.name.partition("/")[2], arguments, randoms, copies)
