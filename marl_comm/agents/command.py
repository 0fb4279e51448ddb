"""The command that every process of a group runs: rank 0 is the world, rank i + 1 agent i.

`torchrun` starts all of them; without it, one process starts the others on its machine.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from marl_comm.command_line.exits import FAILURE, report
from marl_comm.command_line.preview import jobs_of
from marl_comm.config.run import RunConfig
from marl_comm.errors import GroupError, InputError
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.games.settings import TabularGameSettings
from marl_comm.learners.settings import NetworkLearnerSettings
from marl_comm.options.answers import GameSettings

if TYPE_CHECKING:
    from marl_comm.agents.channel import Channel
    from marl_comm.agents.here import GroupHere

_INTERFACE = "GLOO_SOCKET_IFNAME"  # which a group reads when it is made
_START = "torchrun --nproc-per-node={} -m marl_comm.agents"


def main() -> int:
    """Run this process's part of the command line in `sys.argv`, and return the exit code.

    0: finished; 1: failed, since a process is gone, policies differ or a file cannot be written;
    2: bad input; 130 or 143: interrupted, and saved.
    """
    rank = int(os.environ.get("RANK", "0"))
    options, overrides = _parser().parse_known_args()
    try:
        directory, config = _checked(overrides)
        agents = _refuse(config, options)
    except Exception as error:
        # All processes have the same command line: one of them says what is wrong with it.
        return report(error) if rank == 0 else 2
    if "WORLD_SIZE" in os.environ:
        return _part(config, directory, options, agents, rank)
    from marl_comm.agents.here import GroupHere

    group = GroupHere(agents)
    code = FAILURE
    try:
        code = _part(config, directory, options, agents, group.rank, group)
    finally:
        if group.rank > 0:
            _leave(code)
        group.end(well=code == 0)
    return code


def _part(
    config: RunConfig,
    directory: Path,
    options: argparse.Namespace,
    agents: int,
    rank: int,
    group: "GroupHere | None" = None,
) -> int:
    """Run one process's part, and return the exit code."""
    try:
        with _joined(agents, options, rank, group) as (play, rounds):
            if rank > 0:
                return _agent(config, rank - 1, play, rounds)
            code = _world(config, directory, play, rounds)
            if group is not None and code != 0:
                group.end(well=False)  # before they say, each for itself, that the world is gone
            return code
    except (GroupError, KeyboardInterrupt) as error:
        if rank > 0 and isinstance(error, GroupError):
            error = GroupError(f"agent {rank - 1}: {error}")
        code = report(error)
        if group is not None:
            group.end(well=False)
        # The group's threads may still wait for a process that is gone.
        _leave(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_START.format("N"), description=__doc__)
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="give up when a process has not answered for so long (default 60)",
    )
    parser.add_argument("--interface", metavar="NAME", help="network interface to use")
    parser.add_argument(
        "--rounds-interface",
        metavar="NAME",
        help="network interface of communication rounds, where it is another one",
    )
    return parser


def _checked(overrides: list[str]) -> tuple[Path, RunConfig]:
    parent, jobs = jobs_of(overrides, sweep=False, config_dir=None)
    ((name, job),) = jobs.items()
    return parent / name, job.config


def _refuse(config: RunConfig, options: argparse.Namespace) -> int:
    """Return the number of agents; raise InputError where they cannot be processes."""
    game = config.game
    if not options.timeout > 0:
        raise InputError(f"--timeout {options.timeout:g}: must be more than 0 seconds")
    found = os.environ.get("WORLD_SIZE")
    agents = _agents_in(game)
    if agents is None:
        if found is None:
            raise InputError(
                f"game={game.name}: how many agents there are is known only once it is made; start "
                f"one process more than that with {_START.format('N')} ..."
            )
        agents = int(found) - 1  # the world, which makes it, says whether that is right
    if config.start_from is not None:
        raise InputError(
            f"start_from={config.start_from}: agents as processes all begin at policies that the "
            "seed tells; start from a finished run with marl_comm.run"
        )
    if isinstance(game, EnvironmentSettings):
        _refuse_networks(config)
    elif config.exact:
        raise InputError(
            "samples_per_round=null: no agent knows exact action values; set it to a number"
        )
    if config.algorithm.asks_the_game:
        predictor = getattr(config.algorithm, "predictor", None)
        raise InputError(
            f"algorithm.predictor={predictor}: no agent can ask the game; choose another predictor"
        )
    if agents < 2:
        raise InputError(f"{agents} agents: one alone has no other agent to share with; at least 2")
    needed = agents + 1
    if found not in (None, str(needed)):
        raise InputError(
            f"{agents} agents need {needed} processes and there are {found}: start it "
            f"with {_START.format(needed)} ..., or on this machine alone without torchrun"
        )
    return agents


def _agents_in(game: GameSettings) -> int | None:
    """Return how many agents a game has; None where its settings alone do not tell."""
    if isinstance(game, TabularGameSettings):
        return game.agents
    return game.known_agents if isinstance(game, EnvironmentSettings) else None


def _refuse_networks(config: RunConfig) -> None:
    """Raise InputError where networks cannot be followed by every agent's process."""
    learner = config.learner
    assert isinstance(learner, NetworkLearnerSettings)
    if learner.networks_on != "cpu":
        raise InputError(
            "learner.device=cuda: agents as processes compute alike on processors; set "
            "learner.device=cpu"
        )
    if not learner.observations_travel(config):
        raise InputError(
            "learner.critic=own learner.actors=separate: agents share nothing but rewards, and "
            "cannot follow each other's policies; set learner.critic=central"
        )


@contextlib.contextmanager
def _joined(
    agents: int, options: argparse.Namespace, rank: int, group: "GroupHere | None"
) -> "Iterator[tuple[Channel, Channel]]":
    """Join the group; leave it however the block ends."""
    # Imported late: mistakes on the command line are told before anything heavy is loaded.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # what fails is told in one line
    import torch
    import torch.distributed as dist

    from marl_comm.agents.channel import UNTIL_ALL_HAVE_STARTED, Channel

    torch.set_num_threads(1)
    try:
        if options.interface is not None:
            os.environ[_INTERFACE] = options.interface
        dist.init_process_group(
            "gloo",
            init_method=None if group is None else group.meeting_place,
            rank=-1 if group is None else rank,
            world_size=-1 if group is None else agents + 1,
            timeout=UNTIL_ALL_HAVE_STARTED,
        )
        play = Channel(agents, options.timeout)
        if options.rounds_interface is not None:
            os.environ[_INTERFACE] = options.rounds_interface
        rounds = Channel(agents, options.timeout)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise GroupError(f"the processes have not found each other: {reason}") from error
    yield play, rounds
    dist.destroy_process_group()


def _world(config: RunConfig, directory: Path, play: "Channel", rounds: "Channel") -> int:
    from marl_comm.agents.world import World
    from marl_comm.runs.again import play_on
    from marl_comm.runs.closing import closing_lines

    world = World(play, rounds)
    try:
        play_on(config, directory, "run", world.assemble)
    except (Exception, KeyboardInterrupt) as error:
        code = report(error)
        if not world.started:
            world.dismiss(code)
        return code
    if world.started:
        world.tally.leave(directory)
    else:
        world.dismiss(0)
    if not config.quiet:
        print("\n".join(closing_lines(directory)))
    return 0


def _agent(config: RunConfig, agent: int, play: "Channel", rounds: "Channel") -> int:
    from marl_comm.agents.agent import follow
    from marl_comm.agents.agreement import DisagreementError
    from marl_comm.runs.interruption import Interruption

    try:
        # The world saves the run when it is asked to end: agents go on until it is gone.
        with Interruption():
            return follow(config, agent, play, rounds)
    except DisagreementError:
        return 1


def _leave(code: int) -> NoReturn:
    """End this process at once."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
