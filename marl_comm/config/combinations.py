"""Settings that are valid each and make no sense together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from marl_comm.config.base import LARGEST_SEED
from marl_comm.errors import InputError

if TYPE_CHECKING:
    from marl_comm.config.run import RunConfig


def refuse_senseless_combinations(config: "RunConfig") -> None:
    """Raise InputError on the first combination that cannot mean what the user wants."""
    for problem in _problems(config):
        raise InputError(problem)


def _problems(config: "RunConfig") -> Iterator[str]:
    yield from _problems_of_schedule(config)
    yield from _problems_of_sizes(config)
    if config.samples_per_round is None:
        yield from _problems_of_exact_mode(config)
    else:
        yield from _problems_of_samples(config, config.samples_per_round)


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
    if config.learner.policy_floor * config.game.actions > 1:
        yield (
            f"learner.policy_floor={config.learner.policy_floor:g} "
            f"game.actions={config.game.actions}: probabilities of {config.game.actions} actions "
            f"cannot all reach the floor; it must be at most {1 / config.game.actions:.3g}"
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


def _problems_of_exact_mode(config: "RunConfig") -> Iterator[str]:
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
    if config.num_seeds > 1 and config.game.shared and config.communication.name != "missing":
        seed = getattr(config.game, "seed", None)
        game = f"game={config.game.name}" if seed is None else f"game.seed={seed}"
        another = "another game" if seed is None else "game.seed=null for a game per seed"
        yield (
            f"{game} num_seeds={config.num_seeds} {exact}: nothing differs between the seeds; set "
            f"num_seeds=1, or {another}"
        )
    if config.game.reward_noise > 0:
        yield (
            f"game.reward_noise={config.game.reward_noise:g} {exact}: no rewards are observed that "
            f"noise could be added to; {remedy} or game.reward_noise=0"
        )
    if config.communication.max_samples is not None:
        yield (
            f"communication.max_samples={config.communication.max_samples} {exact}: nothing is "
            f"sampled; {remedy} or limit communication.max_rounds instead"
        )


def _problems_of_samples(config: "RunConfig", samples_per_round: int) -> Iterator[str]:
    max_samples = config.communication.max_samples
    if max_samples is not None and max_samples < samples_per_round:
        yield (
            f"communication.max_samples={max_samples} samples_per_round={samples_per_round}: not "
            f"even one round fits; set communication.max_samples to {samples_per_round} or more, "
            f"or samples_per_round to {max_samples} or less"
        )
    algorithm, length = config.algorithm, config.game.episode_length
    if samples_per_round < length:
        yield (
            f"samples_per_round={samples_per_round} game={config.game.name}: an episode takes "
            f"{length} joint actions and only whole episodes are played; set samples_per_round to "
            f"{length} or more"
        )
    episodes = samples_per_round // length
    if algorithm.name == "base_policy_prediction" and algorithm.max_bases > episodes:
        needs = "a sample" if length == 1 else f"an episode of {length} samples"
        yield (
            f"algorithm.max_bases={algorithm.max_bases} samples_per_round={samples_per_round}: "
            f"every base policy needs {needs}; set samples_per_round to "
            f"{algorithm.max_bases * length} or more, or lower algorithm.max_bases (at least 2)"
        )
