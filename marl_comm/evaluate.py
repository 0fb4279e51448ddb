"""Play the final policies of a finished run of an environment, print returns, render an episode.

python -m marl_comm.evaluate outputs/.../RUN_DIR --episodes 100 --render episode.gif
"""

import sys
from contextlib import closing
from pathlib import Path

from marl_comm.arrays import Array
from marl_comm.command_line.arguments import Parser
from marl_comm.command_line.exits import ended, report
from marl_comm.command_line.program import program_name
from marl_comm.errors import InputError, OutputError
from marl_comm.plots import animation
from marl_comm.runs.playing import EPISODES, draw_episode, load_run
from marl_comm.runs.trust import TRUST


def main() -> int:
    """Evaluate the run that the command line names; return the exit code."""
    parser = Parser(
        prog=program_name("python -m marl_comm.evaluate"),
        description=(__doc__ or "").partition("\n")[0],
    )
    parser.add_argument("directory", type=Path, help="a finished run of an environment")
    parser.add_argument("--episodes", type=int, default=100, help="per seed, greedy and sampled")
    parser.add_argument("--seed", type=int, default=EPISODES, help="of the episodes")
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
    frames = 0
    if render is not None:
        animation.refuse_unwritable(render)
        frames = draw_episode(directory, render, seed, trust=trust)
    config, game, policies = load_run(directory, episodes, seed, trust=trust)
    with closing(game):
        for kind in ("greedy", "sampled"):
            figures = game.play_episodes(policies, sampled=kind == "sampled")
            print(summary_line(kind, figures.pop("return")))
            for name, values in figures.items():
                print(summary_line(kind, values, name))
    if render is not None:
        print(f"{frames} frames of seed {config.seed}, greedy, in {render}")


def summary_line(kind: str, returns: Array, name: str = "return, summed over agents") -> str:
    """Say what a kind of play brings, from the mean returns of each seed, (seeds,)."""
    line = f"{kind:8s} {name}: {returns.mean():.3f}"
    if len(returns) > 1:
        line += f" mean of {len(returns)} seeds, range {returns.min():.3f} to {returns.max():.3f}"
    return line


if __name__ == "__main__":
    sys.exit(ended(main()))
