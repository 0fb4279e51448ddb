"""A finished run of an environment, played again: its environments and its final policies."""

import os
from contextlib import closing
from pathlib import Path

from marl_comm.config.loading import load_saved
from marl_comm.config.run import RunConfig
from marl_comm.errors import DamagedError, InputError
from marl_comm.games.environments.player import EnvironmentGame
from marl_comm.games.environments.players import Policies
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.plain_text import one_line
from marl_comm.plots import animation
from marl_comm.runs.assemble import rebuild
from marl_comm.runs.trust import refuse_foreign
from marl_comm.settings import LARGEST_SEED
from marl_comm.storage.arrays import Arrays
from marl_comm.storage.digests import read_summary, refuse_changed
from marl_comm.storage.files import CONFIG, FINAL, SUMMARY

EPISODES = 10**6
"""The first of the seeds that episodes are drawn from, unless somebody names another."""

_MOST_EPISODES = 100_000


def load_run(
    directory: Path, episodes: int, seed: int, *, trust: bool = False
) -> tuple[RunConfig, EnvironmentGame, Policies]:
    """Return a run's configuration, its environments anew, and its final policies.

    Args:
        directory: Of a finished run.
        episodes: Copies of the environment per seed.
        seed: First of the episodes' random streams, so that they differ from those of training.
        trust: Whether to import whatever the run names, whoever made it.

    Raises:
        DamagedError: A file of the run is damaged, or does not belong to the others.
        InputError: There is no finished run, it was not one of an environment, or it would import
            what no command of this user's has.
    """
    if not os.path.lexists(directory / SUMMARY):
        raise InputError(f"{directory}: holds no finished run (no {SUMMARY}); name a run directory")
    if not 1 <= episodes <= _MOST_EPISODES:
        raise InputError(f"--episodes {episodes}: must be from 1 to {_MOST_EPISODES}")
    if not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"--seed {seed}: must be from 0 to {LARGEST_SEED}")
    config = load_saved(directory / CONFIG)
    if not isinstance(config.game, EnvironmentSettings):
        raise InputError(
            f"{directory}: game={config.game.name} is no environment; its policies and exact "
            f"figures are in {FINAL} and {SUMMARY}"
        )
    refuse_changed(directory, read_summary(directory), CONFIG, FINAL)
    arrays = Arrays.of(directory / FINAL)
    if not trust:
        refuse_foreign(config, directory / CONFIG)
    game, learner = rebuild(config, episodes, seed)
    try:
        return config, game, learner.policy_with(arrays)
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        reason = one_line(str(error))
        raise DamagedError(f"cannot read {directory / FINAL}: {reason}") from error


def draw_episode(directory: Path, file: Path, seed: int = EPISODES, *, trust: bool = False) -> int:
    """Draw one greedy episode of a run's first seed, and return how many frames it has.

    Args:
        directory: Of a finished run.
        file: Where to, a GIF or an MP4 as the name says.
        seed: What the episode is drawn from.
        trust: As `load_run`.

    Raises:
        DamagedError: As `load_run`.
        InputError: As `load_run`; or the environment cannot be drawn.
    """
    _, game, policies = load_run(directory, 1, seed, trust=trust)
    with closing(game):
        try:
            frames = game.render_episode(policies)
            animation.write(file, frames)
        except InputError as error:
            raise InputError(f"{file}: {error}") from error
    return len(frames)
