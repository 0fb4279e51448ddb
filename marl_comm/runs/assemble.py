"""From a checked configuration to the parts that the training loop is made of."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Never, TypeAlias

from marl_comm.algorithms.algorithm import Algorithm
from marl_comm.arrays import Array, IntArray
from marl_comm.communication.budget import Budget
from marl_comm.communication.ledger import Ledger
from marl_comm.communication.schedule import Schedule, WithFirstRound
from marl_comm.errors import InputError
from marl_comm.experience import BasePolicies, Experience
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.games.game import Game, TabularGame
from marl_comm.games.settings import TabularGameSettings
from marl_comm.learners.learner import Learner
from marl_comm.learners.settings import NetworkLearnerSettings, TabularLearnerSettings
from marl_comm.options.answers import RunSettings
from marl_comm.randomness import Streams
from marl_comm.train import BehavioursT, ExperienceT, Parts, PlanT, PolicyT

if TYPE_CHECKING:  # torch takes seconds to import, which tabular games need not wait for
    from marl_comm.experience.network_bases import NetworkBases, Round
    from marl_comm.games.environments.player import EnvironmentGame
    from marl_comm.games.environments.players import Behaviours, Policies
    from marl_comm.learners.networks import LearnerOfNetworks

PartsOfTables: TypeAlias = Parts[BasePolicies, BasePolicies, Experience, Array]
PartsOfNetworks: TypeAlias = "Parts[NetworkBases, Behaviours, Round, Policies]"


def assemble(run: RunSettings, streams: Streams) -> "PartsOfTables | PartsOfNetworks":
    """Return the parts of a run at its start.

    Raises:
        InputError: The run is too large, or needs what is not there.
    """
    if isinstance(run.game, TabularGameSettings):
        return of_tables(run, run.game.build(run, streams), streams)
    assert isinstance(run.game, EnvironmentSettings)
    return of_networks(run, _environments(run, run.game, streams), streams)


def of_tables(run: RunSettings, game: TabularGame, streams: Streams) -> PartsOfTables:
    """Return the parts of a run at its start around a tabular game."""
    assert isinstance(run.learner, TabularLearnerSettings)
    algorithm = run.algorithm.for_tables(run)
    learner = run.learner.build(run, game, algorithm)
    return _parts(run, streams, game, learner, algorithm, partial(algorithm.plan, learner))


def of_networks(run: RunSettings, game: "EnvironmentGame", streams: Streams) -> "PartsOfNetworks":
    """Return the parts of a run at its start around environments."""
    assert isinstance(run.learner, NetworkLearnerSettings)
    algorithm = run.algorithm.for_networks(run)
    learner = run.learner.build(run, game, algorithm)
    return _parts(run, streams, game, learner, algorithm, partial(algorithm.plan, learner))


def _parts(
    run: RunSettings,
    streams: Streams,
    game: Game[BehavioursT, ExperienceT, PolicyT],
    learner: Learner[PlanT, BehavioursT, ExperienceT, PolicyT],
    algorithm: Algorithm[Never, PlanT],
    plan: Callable[[IntArray], PlanT],
) -> Parts[PlanT, BehavioursT, ExperienceT, PolicyT]:
    """Return all parts: what is left is the same for tables and networks."""
    schedule, ledger = _schedule(run, streams), Ledger(run.num_seeds)
    budget = _budget(run)
    return Parts(game, learner, plan, algorithm, schedule, budget, ledger, run.samples_per_round)


def rebuild(
    run: RunSettings, episodes: int, seed: int
) -> "tuple[EnvironmentGame, LearnerOfNetworks]":
    """Return what a run was made of, for evaluating on other episodes and on the CPU.

    Args:
        run: Its settings.
        episodes: Copies of the environment per seed.
        seed: The first of the seeds that episodes and actions are drawn from.

    Raises:
        InputError: As `assemble` does.
    """
    game = run.game.model_copy(update={"copies": 1, "evaluation_copies": episodes})
    assert isinstance(run.learner, NetworkLearnerSettings)
    learner = run.learner.on_cpu()
    # One chunk is enough: nothing is collected.
    evaluated = run.model_copy(update={"game": game, "learner": learner, "max_local_steps": 1})
    assert isinstance(game, EnvironmentSettings)
    played = _environments(evaluated, game, Streams(range(seed, seed + run.num_seeds)))
    return played, learner.build(evaluated, played, run.algorithm.for_networks(evaluated))


def _environments(
    run: RunSettings, settings: EnvironmentSettings, streams: Streams
) -> "EnvironmentGame":
    """Return the environments of every seed; a first copy tells how much memory they need."""
    import torch

    assert isinstance(run.learner, NetworkLearnerSettings)
    device, gpu_bytes = run.learner.networks_on, None
    if device == "cuda":
        if not torch.cuda.is_available():
            raise InputError(
                "learner.device=cuda: torch finds no GPU on this machine; allowed here: cpu"
            )
        gpu_bytes = torch.cuda.get_device_properties(device).total_memory
    # Batches fill a core's cache: a second thread costs more than it brings.
    torch.set_num_threads(1)
    first = settings.environments([], 1, device)
    first.close()
    run.learner.refuse_too_large_runs(run, first.spec, gpu_bytes)
    return settings.build(streams, device)


def _schedule(run: RunSettings, streams: Streams) -> Schedule:
    """Return the schedule with its first rounds."""
    schedule, warmup = run.communication.schedule(streams), run.communication.first_rounds
    if run.learner.policies == "networks" and warmup is not None:
        # Local updates of networks use up their data: in the warm-up each has a round of its own.
        return WithFirstRound(schedule, warmup=1, warmup_rounds=warmup)
    return WithFirstRound(schedule, warmup)


def _budget(run: RunSettings) -> Budget:
    """Return the caps of every seed."""
    return Budget(run.communication.max_rounds, run.communication.max_samples, run.max_local_steps)
