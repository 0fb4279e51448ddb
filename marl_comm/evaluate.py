"""Play the final policies of a finished run of an environment, print returns, render an episode.

python -m marl_comm.evaluate outputs/.../RUN_DIR --episodes 100 --render episode.gif
"""

import os
import sys
from contextlib import closing
from pathlib import Path

from marl_comm.arrays import Array
from marl_comm.command_line.arguments import Parser
from marl_comm.command_line.exits import ended, report
from marl_comm.command_line.program import program_name
from marl_comm.config.loading import load_saved
from marl_comm.config.run import RunConfig
from marl_comm.errors import DamagedError, InputError, OutputError
from marl_comm.games.environments.player import EnvironmentGame
from marl_comm.games.environments.players import Policies
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.plain_text import one_line
from marl_comm.plots import animation
from marl_comm.runs.assemble import rebuild
from marl_comm.runs.trust import TRUST, refuse_foreign
from marl_comm.settings import LARGEST_SEED
from marl_comm.storage.arrays import Arrays
from marl_comm.storage.digests import read_summary, refuse_changed
from marl_comm.storage.files import CONFIG, FINAL, SUMMARY

_MOST_EPISODES = 100_000


def main() -> int:
    """Evaluate the run that the command line names; return the exit code."""
    parser = Parser(
        prog=program_name("python -m marl_comm.evaluate"),
        description=(__doc__ or "").partition("\n")[0],
    )
    parser.add_argument("directory", type=Path, help="a finished run of an environment")
    parser.add_argument("--episodes", type=int, default=100, help="per seed, greedy and sampled")
    parser.add_argument("--seed", type=int, default=10**6, help="of the episodes")
    parser.add_argument(
        "--render", type=Path, help="where to write one greedy episode, a GIF or an MP4"
    )
    parser.add_argument("--trust", action="store_true", help=TRUST)
    try:
        arguments = parser.parse_args()
        evaluate(
            arguments.directory,
            arguments.episodes,
            arguments.seed,
            arguments.render,
            trust=arguments.trust,
        )
    except (InputError, OutputError, OSError, KeyboardInterrupt) as error:
        return report(error)
    return 0


def evaluate(
    directory: Path, episodes: int, seed: int, render: Path | None, *, trust: bool = False
) -> None:
    """Print the returns of a run's final policies; draw one episode, the first greedy one.

    Args:
        directory: Of a finished run.
        episodes: Per seed, greedy and sampled each.
        seed: The first of the seeds that episodes and actions are drawn from.
        render: Where to write the episode; None draws nothing.
        trust: As `load_run`.

    Raises:
        InputError: An option is out of range, or the environment cannot draw; said before anything
            is played.
    """
    if render is not None:
        animation.refuse_unwritable(render)
        config, game, policies = load_run(directory, 1, seed, trust=trust)
        with closing(game):
            frames = game.render_episode(policies)
        animation.write(render, frames)
    config, game, policies = load_run(directory, episodes, seed, trust=trust)
    with closing(game):
        for kind in ("greedy", "sampled"):
            figures = game.play_episodes(policies, sampled=kind == "sampled")
            print(summary_line(kind, figures.pop("return")))
            for name, values in figures.items():
                print(summary_line(kind, values, name))
    if render is not None:
        print(f"{len(frames)} frames of seed {config.seed}, greedy, in {render}")


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


def summary_line(kind: str, returns: Array, name: str = "return, summed over agents") -> str:
    """Say what a kind of play brings, from the mean returns of each seed, (seeds,)."""
    line = f"{kind:8s} {name}: {returns.mean():.3f}"
    if len(returns) > 1:
        line += f" mean of {len(returns)} seeds, range {returns.min():.3f} to {returns.max():.3f}"
    return line


if __name__ == "__main__":
    sys.exit(ended(main()))
