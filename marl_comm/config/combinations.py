"""Settings that are valid each and make no sense together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from marl_comm.config.algorithm import TablePredictionConfig
from marl_comm.config.environment import EnvironmentConfig
from marl_comm.config.game import TableGameConfig
from marl_comm.errors import InputError
from marl_comm.settings import LARGEST_SEED

if TYPE_CHECKING:
    from marl_comm.config.run import RunConfig


def refuse_senseless_combinations(config: "RunConfig") -> None:
    """Raise InputError on the first combination that cannot mean what the user wants."""
    for problem in _problems(config):
        raise InputError(problem)


def _problems(config: "RunConfig") -> Iterator[str]:
    yield from _problems_of_schedule(config)
    yield from _problems_of_sizes(config)
    yield from _problems_of_kinds(config)
    if not isinstance(config.game, TableGameConfig):
        yield from _problems_of_environments(config, config.game)
    elif config.samples_per_round is None:
        yield from _problems_of_exact_mode(config, config.game)
    else:
        yield from _problems_of_samples(config, config.game, config.samples_per_round)


def _problems_of_schedule(config: "RunConfig") -> Iterator[str]:
    algorithm, communication = config.algorithm.name, config.communication.name
    if algorithm == "full_communication" and communication != "unlimited":
        yield (
            f"algorithm=full_communication communication={communication}: full communication has "
            "a round at every local update; leave communication out (it selects "
            "communication=unlimited itself) or choose algorithm=importance_sampling"
        )
    if algorithm != "full_communication" and communication == "unlimited":
        yield (
            f"algorithm={algorithm} communication=unlimited: a round at every local update leaves "
            f"nothing to {algorithm}; choose communication=adaptive, periodic or missing, "
            "or algorithm=full_communication"
        )


def _problems_of_sizes(config: "RunConfig") -> Iterator[str]:
    last_seed = config.seed + config.num_seeds - 1
    if last_seed > LARGEST_SEED:
        yield (
            f"seed={config.seed} num_seeds={config.num_seeds}: the last seed would be {last_seed}; "
            f"seed must be at most {LARGEST_SEED - config.num_seeds + 1} with this num_seeds"
        )
    learner, game = config.learner, config.game
    if (
        learner.name == "npg"
        and isinstance(game, TableGameConfig)
        and learner.policy_floor * game.actions > 1
    ):
        yield (
            f"learner.policy_floor={learner.policy_floor:g} "
            f"game.actions={game.actions}: probabilities of {game.actions} actions "
            f"cannot all reach the floor; it must be at most {1 / game.actions:.3g}"
        )
    if config.game.name == "markov_congestion" and len(config.game.weights) != config.game.actions:
        weights = ",".join(f"{weight:g}" for weight in config.game.weights)
        yield (
            f"game.actions={config.game.actions} game.weights=[{weights}]: every facility needs "
            f"a weight; give {config.game.actions} weights or set game.actions to "
            f"{len(config.game.weights)}"
        )
    tags = [format(threshold, "g") for threshold in config.metrics.gap_thresholds]
    repeated = next((tag for tag in tags if tags.count(tag) > 1), None)
    if repeated is not None:
        yield (
            f"metrics.gap_thresholds=[{','.join(tags)}]: {repeated} appears more than once "
            "(to 6 digits); each threshold must differ"
        )


def _problems_of_kinds(config: "RunConfig") -> Iterator[str]:
    """Games of tables go with npg and its prediction, environments with mappo and its own."""
    tables = isinstance(config.game, TableGameConfig)
    game, learner = f"game={config.game.name}", f"learner={config.learner.name}"
    if tables != (config.learner.name == "npg"):
        suitable = "npg" if tables else "mappo"
        yield (
            f"{game} {learner}: {config.game.name} is played by learner={suitable}; leave learner "
            "out (the game chooses it) or choose another game"
        )
    algorithm = config.algorithm
    if algorithm.name != "base_policy_prediction":
        return
    wanted = "tables" if tables else "networks"
    if algorithm.policies != wanted:
        yield (
            f"algorithm.policies={algorithm.policies} {learner}: {config.learner.name} learns "
            f"{wanted}; leave algorithm.policies out (the learner chooses it)"
        )


def _problems_of_environments(config: "RunConfig", game: EnvironmentConfig) -> Iterator[str]:
    if config.samples_per_round is not None:
        yield (
            f"samples_per_round={config.samples_per_round} game={config.game.name}: a round of an "
            "environment has game.copies x game.steps joint steps for each of its local updates; "
            "set these, and samples_per_round=null"
        )
    if config.communication.max_samples is not None:
        yield (
            f"communication.max_samples={config.communication.max_samples} "
            f"game={config.game.name}: how many samples a round has is known only once it is "
            "planned; cap communication.max_rounds or max_local_steps instead"
        )
    if config.learner.name != "mappo":
        return
    samples = game.copies * game.steps
    if config.learner.minibatches > samples:
        yield (
            f"learner.minibatches={config.learner.minibatches} game.copies={game.copies} "
            f"game.steps={game.steps}: every minibatch needs a joint step; learner.minibatches "
            f"must be at most {samples}"
        )
    if game.evaluation_every % config.metrics.every != 0:
        yield (
            f"game.evaluation_every={game.evaluation_every} metrics.every={config.metrics.every}: "
            "evaluations would fall between logged points; game.evaluation_every must be a "
            "multiple of metrics.every"
        )


def _problems_of_exact_mode(config: "RunConfig", game: TableGameConfig) -> Iterator[str]:
    exact = "samples_per_round=null"
    remedy = "set samples_per_round to a number"
    if config.algorithm.name == "stale":
        yield (
            f"algorithm=stale {exact}: exact action values never grow stale; {remedy} or choose "
            "algorithm=importance_sampling"
        )
    if (
        config.algorithm.name == "base_policy_prediction"
        and config.algorithm.predictor == "rehearse"
    ):
        yield (
            f"algorithm.predictor=rehearse {exact}: there are no samples to rehearse on; {remedy} "
            "or algorithm.predictor=line"
        )
    if config.num_seeds > 1 and game.shared and config.communication.name != "missing":
        seed = getattr(game, "seed", None)
        chosen = f"game={game.name}" if seed is None else f"game.seed={seed}"
        another = "another game" if seed is None else "game.seed=null for a game per seed"
        yield (
            f"{chosen} num_seeds={config.num_seeds} {exact}: nothing differs between the seeds; "
            f"set num_seeds=1, or {another}"
        )
    if game.reward_noise > 0:
        yield (
            f"game.reward_noise={game.reward_noise:g} {exact}: no rewards are observed that "
            f"noise could be added to; {remedy} or game.reward_noise=0"
        )
    if config.communication.max_samples is not None:
        yield (
            f"communication.max_samples={config.communication.max_samples} {exact}: nothing is "
            f"sampled; {remedy} or limit communication.max_rounds instead"
        )


def _problems_of_samples(
    config: "RunConfig", game: TableGameConfig, samples_per_round: int
) -> Iterator[str]:
    max_samples = config.communication.max_samples
    if max_samples is not None and max_samples < samples_per_round:
        yield (
            f"communication.max_samples={max_samples} samples_per_round={samples_per_round}: not "
            f"even one round fits; set communication.max_samples to {samples_per_round} or more, "
            f"or samples_per_round to {max_samples} or less"
        )
    algorithm, length = config.algorithm, game.episode_length
    if samples_per_round < length:
        yield (
            f"samples_per_round={samples_per_round} game={config.game.name}: an episode takes "
            f"{length} joint actions and only whole episodes are played; set samples_per_round to "
            f"{length} or more"
        )
    episodes = samples_per_round // length
    if isinstance(algorithm, TablePredictionConfig) and algorithm.max_bases > episodes:
        needs = "a sample" if length == 1 else f"an episode of {length} samples"
        yield (
            f"algorithm.max_bases={algorithm.max_bases} samples_per_round={samples_per_round}: "
            f"every base policy needs {needs}; set samples_per_round to "
            f"{algorithm.max_bases * length} or more, or lower algorithm.max_bases (at least 2)"
        )
