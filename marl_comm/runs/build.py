"""From a checked configuration to the parts that the training loop is made of."""

import math

from marl_comm.algorithms import Algorithm, BasePolicyPrediction, CurrentPolicy
from marl_comm.communication import Adaptive, Budget, Missing, Periodic, Schedule, Unlimited
from marl_comm.communication.schedules import WithFirstRound
from marl_comm.config import RunConfig
from marl_comm.config.communication import CommunicationConfig
from marl_comm.config.game import (
    ClimbingChainConfig,
    MarkovCongestionConfig,
    RandomMarkovConfig,
    TableGameConfig,
)
from marl_comm.games.game import Game
from marl_comm.games.one_shot.congestion import Congestion
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.one_shot.random_potential import RandomPotential
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.games.one_shot.saddle_chain import SaddleChain
from marl_comm.games.one_shot.unanimous_failure import UnanimousFailure
from marl_comm.games.over_time.climbing_chain import ClimbingChain
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.player import MarkovFormGame
from marl_comm.games.over_time.random_markov import RandomMarkov
from marl_comm.learners.learner import Learner
from marl_comm.learners.npg import NaturalPolicyGradient
from marl_comm.randomness import Streams

POTENTIAL_GAMES: dict[str, type[PotentialGame]] = {
    "random_potential": RandomPotential,
    "congestion": Congestion,
    "coverage": Coverage,
    "unanimous_failure": UnanimousFailure,
    "saddle_chain": SaddleChain,
}

_MOST_EXPLORATION = 0.02  # of one agent's play
_EXPLORING_CHOICES = 0.2  # expected number per episode; costs about exp(-0.2) of the ESS
_LONG_ROUND = 0.95  # share of the rounds of a random schedule that last no longer than predicted


def build_game(config: RunConfig, streams: Streams) -> Game:
    """Return a game for each seed, or one that all share: `game.seed` is set, or nothing is drawn.

    Raises:
        InputError: The game is too large to hold in memory, or needs what is not installed.
    """
    settings = config.game
    if not isinstance(settings, TableGameConfig):
        # Imported late: torch takes seconds, which games of tables need not wait for.
        from marl_comm.runs import build_networks

        return build_networks.build_game(config, settings, streams, _longest_round(config))
    noise = settings.reward_noise
    if isinstance(settings, MarkovCongestionConfig):
        congestion = MarkovCongestion(
            settings.agents,
            settings.weights,
            settings.penalty,
            settings.discount,
            settings.episode_steps,
        )
        return MarkovFormGame(congestion, streams, noise)
    if isinstance(settings, ClimbingChainConfig):
        sizes = (settings.agents, settings.actions, settings.states, settings.horizon)
        return MarkovFormGame(ClimbingChain(*sizes, settings.penalty), streams, noise)
    game_seeds = streams.seeds if settings.seed is None else (settings.seed,)
    if isinstance(settings, RandomMarkovConfig):
        sizes = (settings.agents, settings.actions, settings.states, settings.horizon)
        return MarkovFormGame(RandomMarkov(*sizes, game_seeds), streams, noise)
    game = POTENTIAL_GAMES[settings.name](settings.agents, settings.actions, game_seeds)
    return NormalFormGame(game, streams, noise)


def build_learner(config: RunConfig, game: Game) -> Learner:
    """Return the learner at its initial policies."""
    settings = config.learner
    if not isinstance(game, NormalFormGame | MarkovFormGame):
        from marl_comm.runs import build_networks

        return build_networks.build_learner(config, game, _longest_round(config))
    assert settings.name == "npg"
    return NaturalPolicyGradient(
        game.initial_log_policy(),
        step_size=settings.step_size,
        exploration=exploration(config),
        estimator=settings.estimator,
        truncation=settings.truncation,
        policy_floor=settings.policy_floor,
        importance_weighted=config.algorithm.name != "stale",
    )


def exploration(config: RunConfig) -> float:
    """Return each agent's share of uniform play while collecting data.

    Left to itself it is 0.02, or less where an episode has more than ten choices, agents times
    steps: mixing costs effective sample size exponentially in their number. Exact gradients need
    none.
    """
    if config.samples_per_round is None:
        return 0.0
    assert config.learner.name == "npg"
    assert isinstance(config.game, TableGameConfig)
    if config.learner.exploration is not None:
        return config.learner.exploration
    return min(
        _MOST_EXPLORATION, _EXPLORING_CHOICES / (config.game.agents * config.game.episode_length)
    )


def build_algorithm(config: RunConfig) -> Algorithm:
    """Return the plan of the configured algorithm."""
    settings = config.algorithm
    if config.learner.name == "mappo":
        from marl_comm.runs import build_networks

        return build_networks.build_algorithm(config, _longest_round(config))
    if settings.name != "base_policy_prediction":
        return CurrentPolicy()
    assert settings.policies == "tables"
    return BasePolicyPrediction(
        spacing=settings.spacing,
        spacing_unit=settings.spacing_unit,
        max_bases=settings.max_bases,
        horizon=settings.horizon,
        predictor=settings.predictor,
        longest_round=_longest_round(config),
    )


def _longest_round(config: RunConfig) -> int:
    return min(longest_round(config.communication), config.max_local_steps)


def longest_round(settings: CommunicationConfig) -> int:
    """Return how many local updates a round can last; where that is random, nearly always."""
    if settings.name == "periodic":
        return settings.period
    if settings.name == "adaptive":
        return settings.max_local_updates
    if settings.name == "missing" and settings.probability > 0:
        return math.ceil(math.log(1 - _LONG_ROUND) / math.log(settings.probability))
    return 1


def build_schedule(config: RunConfig, streams: Streams) -> Schedule:
    """Return the configured schedule; what it draws comes from the streams."""
    settings = config.communication
    schedule: Schedule
    if settings.name == "unlimited":
        return WithFirstRound(Unlimited(), warmup=None)
    if settings.name == "periodic":
        schedule = Periodic(settings.period)
    elif settings.name == "missing":
        schedule = Missing(settings.probability, streams.of("schedule"))
    else:
        schedule = Adaptive(settings.ess_threshold, settings.max_local_updates)
    if config.learner.name == "mappo" and settings.warmup is not None:
        # Local updates of networks use up their data: in the warm-up each has a round of its own.
        return WithFirstRound(schedule, warmup=1, warmup_rounds=settings.warmup)
    return WithFirstRound(schedule, settings.warmup)


def build_budget(config: RunConfig) -> Budget:
    """Return the caps of every seed."""
    return Budget(
        config.communication.max_rounds,
        config.communication.max_samples,
        config.max_local_steps,
    )
