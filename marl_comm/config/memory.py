"""A run's memory, estimated before anything is computed."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from marl_comm.config.algorithm import TablePredictionConfig
from marl_comm.config.game import TableGameConfig
from marl_comm.errors import InputError

if TYPE_CHECKING:
    from marl_comm.config.run import RunConfig

_GIB = 2**30
_BYTES_PER_NUMBER = 8
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def refuse_too_large_runs(config: "RunConfig") -> None:
    """Raise InputError where the estimate exceeds what this machine can give the run."""
    game = config.game
    if not isinstance(game, TableGameConfig):
        return  # known only when a copy of the environment is made: `learners.mappo.memory`
    if game.name == "random_potential":
        # Imported late: only this game is limited by a table, and it costs importing numpy.
        from marl_comm.games.one_shot.random_potential import _refuse_large_table

        games = 1 if game.shared else config.num_seeds
        _refuse_large_table(game.agents, game.actions, games)
    if game.name == "random_markov":
        from marl_comm.games.over_time.random_markov import refuse_large_tables

        games = 1 if game.shared else config.num_seeds
        refuse_large_tables(game.agents, game.actions, game.states, games)
    if game.name == "markov_congestion":
        from marl_comm.games.over_time.markov_congestion import refuse_many_loads

        refuse_many_loads(game.agents, game.actions)
    estimate, available = estimated_bytes(config), available_bytes()
    if estimate > available:
        samples = "null" if config.samples_per_round is None else config.samples_per_round
        raise InputError(
            f"num_seeds={config.num_seeds} samples_per_round={samples} "
            f"game.agents={game.agents} game.actions={game.actions}: the run would "
            f"need about {gib(estimate)} of memory, this machine allows {gib(available)}; "
            "lower one of these numbers"
        )


def estimated_bytes(config: "RunConfig") -> int:
    """Return roughly how much memory the run's arrays take at their peak.

    Counted are the numbers of 8 bytes per sample (joint actions and their indices, rewards,
    densities, weights), per entry of a policy (its base policies and copies), and those of the
    game; `docs/configuration.md` compares the sum with measurements.
    """
    game = config.game
    assert isinstance(game, TableGameConfig)
    agents, actions, states = game.agents, game.actions, game.number_of_states
    own_rewards = game.own_rewards
    over_time = game.episode_length > 1
    algorithm = config.algorithm
    bases = algorithm.max_bases if isinstance(algorithm, TablePredictionConfig) else 1
    numbers_of_samples = (config.samples_per_round or 0) * (
        2 * agents + 4 * (agents if own_rewards else 1) + 8 + (agents + 8 if over_time else 0)
    )
    numbers_of_policies = game.layers * states * agents * actions * (5 * bases + 10)
    numbers_of_loads = agents**2 * actions if own_rewards else 0
    # What each agent faces in one step: where every action leads from every state, three times.
    numbers_of_oracles = 3 * states**2 * agents * actions if over_time else 0
    numbers = config.num_seeds * (
        numbers_of_samples + numbers_of_policies + numbers_of_loads + numbers_of_oracles
    )
    if game.name == "random_potential":
        numbers += actions**agents * (1 if game.shared else config.num_seeds)
    if game.name == "random_markov":
        games = 1 if game.shared else config.num_seeds
        numbers += states * (states + 1) * actions**agents * games
    if game.name == "markov_congestion":
        numbers += config.num_seeds * 2 * agents * (agents // 4 + 1) ** actions
    return numbers * _BYTES_PER_NUMBER


def gib(number: int) -> str:
    """Return a number of bytes as users read it."""
    return f"{number / _GIB:.3g} GiB"


def available_bytes() -> int:
    """Return the machine's memory, or the container's limit where that is lower."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # not every system tells
        physical = sys.maxsize
    try:
        return min(physical, int(_CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        return physical
