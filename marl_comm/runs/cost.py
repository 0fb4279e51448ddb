"""What a run will take, roughly, as if no seed ended early."""

from marl_comm.config.run import RunConfig
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.games.settings import TabularGameSettings
from marl_comm.learners.settings import NetworkLearnerSettings

# Measured on one core; see scripts/benchmark.py. Only used to say beforehand what a sweep costs.
_SECONDS_PER_JOB = 0.3
_SECONDS_PER_UPDATE = 3e-4
_SECONDS_PER_SAMPLE_AND_AGENT = 2e-9
_SECONDS_PER_SAMPLE_AND_AGENT_OF_ROUND = 2e-8
_SECONDS_PER_JOINT_STEP_AND_EPOCH = 3.5e-6  # of networks, per seed
_SECONDS_PER_JOB_OF_NETWORKS = 3.0  # importing torch


def rounds_of(config: RunConfig) -> float:
    """Return about how many rounds each seed will make."""
    rounds = config.communication.expected_rounds(config.max_local_steps)
    return min(rounds, config.communication.max_rounds or rounds)


def samples_of(config: RunConfig) -> float:
    """Return about how many samples, or joint steps, all seeds together will play."""
    if isinstance(config.game, EnvironmentSettings):
        chunk = config.game.copies * config.game.steps
        return float(config.num_seeds * config.max_local_steps * chunk)
    samples = rounds_of(config) * (config.samples_per_round or 0)
    return config.num_seeds * min(samples, config.communication.max_samples or samples)


def seconds_of(config: RunConfig) -> float:
    """Return about how many seconds a run will take on one core."""
    if isinstance(config.game, EnvironmentSettings):
        return _seconds_of_networks(config, config.game)
    assert isinstance(config.game, TabularGameSettings)
    samples = (config.samples_per_round or 0) * config.game.agents * config.num_seeds
    update = _SECONDS_PER_UPDATE + samples * _SECONDS_PER_SAMPLE_AND_AGENT
    round_ = samples * _SECONDS_PER_SAMPLE_AND_AGENT_OF_ROUND
    steps, rounds = float(config.max_local_steps), rounds_of(config)
    if rounds:  # a run ends with its last round
        steps *= rounds / config.communication.expected_rounds(config.max_local_steps)
    return _SECONDS_PER_JOB + steps * update + rounds * round_


def _seconds_of_networks(config: RunConfig, game: EnvironmentSettings) -> float:
    """As if each local update had a chunk of its own; of missing data there are fewer."""
    learner, updates, pace = config.learner, config.max_local_steps, game.pace
    assert isinstance(learner, NetworkLearnerSettings)

    def played(steps: int, copies: int) -> float:
        return steps * (pace.step + config.num_seeds * copies * pace.copy)

    joint_steps = config.num_seeds * game.copies * game.steps
    update = played(game.steps, game.copies)
    update += joint_steps * learner.passes * _SECONDS_PER_JOINT_STEP_AND_EPOCH
    if config.algorithm.asks_the_game:  # by a twin that plays and learns as much
        update *= 2
    # The first is before all local updates; every other episode is greedy.
    evaluations = 1 + updates / game.evaluation_every
    evaluation = played(game.longest_evaluation, 2 * game.evaluation_copies)
    start = _SECONDS_PER_JOB_OF_NETWORKS + pace.start
    return start + updates * update + evaluations * evaluation
