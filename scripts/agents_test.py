"""Agents as processes against one process, byte for byte: `agents_test.py games`.

agents_test.py games          every tabular game with every algorithm, predictor and schedule
agents_test.py environments   every environment with networks that agents as processes play
agents_test.py cost           what 8 agents as processes cost, against one process
"""

import argparse
import contextlib
import filecmp
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from agent_group import Group

from marl_comm.command_line.composition import compose
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.experience import one_shot
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import PartsOfNetworks, PartsOfTables, assemble
from marl_comm.runs.recorder import Recorder
from marl_comm.runs.session import execute
from marl_comm.storage.checkpoints import Checkpoints

COMPARED = ("metrics.jsonl", "final.npz", "summary.json", "config.yaml")
SMALL = ("num_seeds=2", "max_local_steps=15", "samples_per_round=60")
GAMES = {
    "coverage": 3,
    "congestion": 3,
    "random_potential": 3,
    "unanimous_failure": 3,
    "saddle_chain": 3,
    "graph": 4,
    "climbing": 2,
    "penalty": 2,
    "payoff": 3,
    "random_markov": 2,
    "markov_congestion": 3,
    "climbing_chain": 3,
}
SIZES = {
    "graph": ("game.actions=3", "game.degree=1"),
    "payoff": ("game.file=tests/gate_game.nfg",),
    "random_markov": ("game.states=2", "game.horizon=3"),
    "markov_congestion": ("game.actions=3", "game.weights=[1,2,4]", "game.episode_steps=4"),
    "climbing_chain": ("game.states=3", "game.horizon=4"),
}
ALGORITHMS = (
    ("algorithm=full_communication",),
    ("algorithm=importance_sampling",),
    ("algorithm=stale",),
    *(
        ("algorithm=base_policy_prediction", "algorithm.max_bases=4", f"algorithm.predictor={name}")
        for name in ("line", "rehearse", "last_gradient", "model")
    ),
)
SCHEDULES = (
    ("communication=unlimited",),
    ("communication=adaptive", "communication.max_local_updates=6"),
    ("communication=periodic", "communication.period=4"),
    ("communication=missing", "communication.probability=0.7"),
    ("communication=noise", "communication.max_local_updates=6"),
    ("communication=changing_condition", "communication.epsilon=0.01"),
)
ENVIRONMENTS = (
    (3, "game=mpe/simple_spread", "num_seeds=2"),
    (2, "game=mpe/simple_speaker_listener"),
    (2, "game=mpe/simple_reference", "num_seeds=2"),
    (2, "game=mpe/simple_speaker_listener", "game.continuous_actions=true"),
    (3, "game=vmas/simple_spread"),
    (2, "game=lbf/foraging"),
    (2, "game=rware/warehouse"),
    (3, "game=pettingzoo", "game.environment=mpe2.simple_spread_v3"),
)
FEW = (
    "game.copies=4",
    "game.steps=15",
    "max_local_steps=9",
    "game.evaluation_every=3",
    "game.evaluation_copies=2",
)
NETWORK_ALGORITHMS = (
    ("algorithm=full_communication",),
    ("algorithm=importance_sampling",),
    ("algorithm=large_batch",),
    *(
        ("algorithm=base_policy_prediction", f"algorithm.predictor={name}")
        for name in ("extrapolate", "momentum", "rehearse")
    ),
)
NETWORK_SCHEDULES = (
    ("communication=unlimited",),
    ("communication=adaptive", "communication.max_local_updates=4"),
    ("communication=periodic", "communication.period=3"),
    ("communication=missing", "communication.probability=0.6"),
)
NETWORK_LEARNERS = (
    (),
    ("learner.actors=separate",),
    ("learner.chunks=all", "learner.reuse=2"),
    ("learner.importance_weights=joint", "learner.critic=own"),
    ("learner.advantages=vtrace", "learner.step_scaling=effective_sample_size"),
)
LARGE = ("game=coverage", "game.agents=8", "samples_per_round=4000", "checkpoint_seconds=1e6")
ENDLESS = ("communication.max_rounds=20", "max_local_steps=5000")
COSTS = (
    ("full_communication", ("max_local_steps=20",)),
    ("importance_sampling", ENDLESS),
    ("base_policy_prediction", ENDLESS),
)
STARTS = ("marl_comm.run", "marl_comm.agents")
# Taken in turn, so that each meets many games, algorithms and schedules.
FURTHER = (
    (),
    ("learner.reuse=all",),
    ("game.reward_noise=0.1",),
    ("metrics.gap_thresholds=[0.1]", "metrics.stop_at_smallest_gap=true"),
    ("communication.max_rounds=3",),
)


def commands() -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield number of agents and overrides of every combination that makes sense."""
    combinations = itertools.product(GAMES.items(), ALGORITHMS, SCHEDULES)
    for number, ((game, agents), algorithm, schedule) in enumerate(combinations):
        modelled = ("learner.estimator=doubly_robust",) if "model" in algorithm[-1] else ()
        words = (
            f"game={game}",
            f"game.agents={agents}",
            *SIZES.get(game, ()),
            *algorithm,
            *schedule,
            *modelled,
            *SMALL,
        )
        words += FURTHER[number % len(FURTHER)]
        try:
            compose("logger=local", *words)
        except InputError:
            continue
        yield agents, words


def environment_commands() -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the same for environments."""
    combinations = itertools.product(ENVIRONMENTS, NETWORK_ALGORITHMS, NETWORK_SCHEDULES)
    for number, ((agents, *game), algorithm, schedule) in enumerate(combinations):
        learner = NETWORK_LEARNERS[number % len(NETWORK_LEARNERS)]
        words = (*game, *algorithm, *schedule, *learner, *FEW)
        try:
            compose("logger=local", *words)
        except InputError:
            continue
        yield agents, words


def games(found: Iterator[tuple[int, tuple[str, ...]]], every: int, start: int) -> bool:
    """Play combinations; print each that differs, and how many there were."""
    chosen = list(itertools.islice(found, start, None, every))
    same = 0
    for number, (agents, words) in enumerate(chosen):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            execute(compose("logger=local", *words), folder / "alone")
            with Group(folder, agents, *words, sized=False) as group:
                codes = group.codes()
            if codes != [0] * (agents + 1):
                print(f"{' '.join(words)}: codes {codes}: {group.said(0)}", flush=True)
                continue
            differing = [
                each
                for each in COMPARED
                if not filecmp.cmp(folder / "alone" / each, folder / "run" / each, shallow=False)
            ]
            told = json.loads((folder / "run" / "agents.json").read_text())
            if (told["payload_up"], told["payload_down"]) != (
                told["ledger_up"],
                told["ledger_down"],
            ):
                differing.append("payload")
            if differing:
                print(f"{' '.join(words)}: differs in {', '.join(differing)}", flush=True)
            same += not differing
        if sys.stderr.isatty():
            print(f"{number + 1} of {len(chosen)}", end="\r", file=sys.stderr)
    print(f"{same} of {len(chosen)} runs left the same bytes, and moved what the ledger booked")
    return same == len(chosen)


def cost(times: int) -> bool:
    """Print what 8 agents as processes and one process take; return whether it is 3 times at most.

    In turn, as often as asked: what is compared was measured on a machine that was as busy.
    """
    good = True
    for name, further in COSTS:
        words = (f"algorithm={name}", *further, *LARGE)
        pairs = [(_apart(words), _alone_in_folder(words)) for _ in range(times)]
        seconds, cpu = (
            [np.median([pair[side][kind] for pair in pairs]) for side in (0, 1)] for kind in (0, 1)
        )
        print(
            f"{name}: {pairs[0][0][2]} rounds, {pairs[0][0][3]} local updates; training: as "
            f"processes {seconds[0]:.2f} s (of processors {cpu[0]:.2f} s), in one {seconds[1]:.2f} "
            f"s ({cpu[1]:.2f} s): {seconds[0] / seconds[1]:.1f} times as long",
            flush=True,
        )
        print(f"{name}: an agent's share of one process's work: {_share_of_an_agent(words):.0%}")
        whole = [[_command([sys.executable], each, words) for each in STARTS] for _ in range(times)]
        took = np.median(whole, axis=0)
        ratio = took[1, 0] / took[0, 0]
        good &= bool(ratio <= 3)
        print(
            f"{name}: the whole command: as processes {took[1, 0]:.1f} s (of processors "
            f"{took[1, 1]:.1f} s), in one {took[0, 0]:.1f} s ({took[0, 1]:.1f} s): {ratio:.1f} "
            "times as long",
            flush=True,
        )
    torchrun = [str(Path(sys.executable).parent / "torchrun"), "--nproc-per-node=9"]
    slow = _command(torchrun, STARTS[1], words)
    print(f"the last with torchrun: {slow[0]:.1f} s (of processors {slow[1]:.1f} s)")
    return good


def _share_of_an_agent(words: tuple[str, ...]) -> float:
    """Return how much of one process's work in training every agent has to do, too."""
    # What the world does alone: an agent measures staleness only if its algorithm predicts.
    predicts = compose("logger=local", *words).algorithm.predicts
    others = [
        (NormalFormGame, "collect"),
        (NormalFormGame, "evaluate"),
        (Recorder, "record"),
        (Checkpoints, "save"),
        *([] if predicts else [(one_shot, "nearest_base")]),
    ]
    spent = 0.0

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal spent
            begun = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                spent += time.thread_time() - begun

        return call

    with contextlib.ExitStack() as undone:
        for where, name in others:
            undone.enter_context(patch.object(where, name, timed(getattr(where, name))))
        _, whole = _alone_in_folder(words)
    return 1 - spent / whole


def _command(start: list[str], module: str, words: tuple[str, ...]) -> tuple[float, float]:
    """Return how long a command takes from its start to its end, and of all its processors."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*start, "-m", module, *words, "logger=local", "quiet=true"]
        before, begun = os.times(), time.perf_counter()
        subprocess.run(
            [*command, f"hydra.run.dir={folder}/run"], check=True, stderr=subprocess.DEVNULL
        )
        took, after = time.perf_counter() - begun, os.times()
    return took, sum(after[2:4]) - sum(before[2:4])


def _apart(words: tuple[str, ...]) -> tuple[float, float, int, int]:
    """Return how long training takes as processes, and of processors; rounds and local updates."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Group(folder, 8, *words, sized=False) as group:
            if group.codes() != [0] * 9:
                sys.exit(f"the run failed: {group.said(0)}")
        told = json.loads((folder / "run" / "agents.json").read_text())
        (ended,) = json.loads((folder / "run" / "summary.json").read_text())["seeds"]
    return told["seconds"], told["cpu_seconds"], ended["rounds"], ended["local_steps"]


def _alone_in_folder(words: tuple[str, ...]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as name:
        return _alone(Path(name) / "alone", words)


def _alone(directory: Path, words: tuple[str, ...]) -> tuple[float, float]:
    """Return how long training takes in this process, and of its processor."""
    took = (0.0, 0.0)

    def timed(config: RunConfig, streams: Streams) -> PartsOfTables | PartsOfNetworks:
        parts = assemble(config, streams)
        train = type(parts).train

        def training(*arguments: object) -> None:
            nonlocal took
            begun, cpu = time.perf_counter(), time.process_time()
            train(parts, *arguments)  # type: ignore[arg-type]
            took = (time.perf_counter() - begun, time.process_time() - cpu)

        object.__setattr__(parts, "train", training)
        return parts

    execute(compose("logger=local", *words), directory, timed)
    return took


def main() -> int:
    """Run what the command line names; return 0 where all was as it should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("games", "environments", "cost"))
    parser.add_argument("--every", type=int, default=1, help="of the games, only each so many")
    parser.add_argument("--start", type=int, default=0, help="the first of them")
    parser.add_argument("--times", type=int, default=3, help="repetitions of cost")
    options = parser.parse_args()
    if options.what == "cost":
        return int(not cost(options.times))
    found = commands() if options.what == "games" else environment_commands()
    return int(not games(found, options.every, options.start))


if __name__ == "__main__":
    sys.exit(main())
