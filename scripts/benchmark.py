"""Benchmarks: `python scripts/benchmark.py tabular|mappo|smax`; `... mappo --device cuda`.

Times one local update (weights, effective sample size, estimates, policy step) from data already
collected, in nanoseconds of process time per sample, agent and local update; shows how the cost
grows; and compares many seeds in one process with one run after another. In Markov games it
times an update from 10 episodes of 20 steps. Times are those of one thread: set OMP_NUM_THREADS=1.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from benchmark_peers import peers
from rich.console import Console
from rich.table import Table

from marl_comm.experience import BasePolicies, Estimation
from marl_comm.experience.estimators import MODELLING, Estimator
from marl_comm.games.one_shot.congestion import Congestion
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.player import MarkovFormGame
from marl_comm.learners.npg.learner import NaturalPolicyGradient
from marl_comm.learners.npg.update_rule import UpdateRule
from marl_comm.randomness import Streams

REFERENCE = {"samples": 4000, "agents": 12, "actions": 6, "seeds": 20}
console = Console(width=110)


def learner_for(
    game: NormalFormGame | MarkovFormGame, estimator: Estimator = "bounded"
) -> NaturalPolicyGradient:
    """Return a learner at the game's initial policies."""
    return NaturalPolicyGradient(
        game.initial_log_policy(),
        rule=UpdateRule(step_size=1.0, policy_floor=1e-10, stages=None),
        exploration=0.01,
        estimation=Estimation(estimator=estimator, truncation=10.0, weighted=True, rounds=1),
        oracle=game,
    )


def communicate(
    game: NormalFormGame | MarkovFormGame, learner: NaturalPolicyGradient, samples: int
) -> None:
    """Play a round with the current policies and hand its data to the learner."""
    rows = np.arange(learner.rows)
    behaviours = learner.behaviours_for(BasePolicies.current(learner.log_policy))
    learner.receive(rows, game.collect(rows, behaviours, samples))


def prepared_learner(
    game_class: type[PotentialGame],
    samples: int,
    agents: int,
    actions: int,
    seeds: int,
    estimator: Estimator = "bounded",
) -> NaturalPolicyGradient:
    """Return a learner in the first round of `seeds` games, its data at hand."""
    game = NormalFormGame(game_class(agents, actions, range(seeds)), Streams(range(seeds)), 0.0)
    learner = learner_for(game, estimator)
    communicate(game, learner, samples)
    return learner


def median_seconds(
    work: Callable[[], object],
    repetitions: int = 21,
    now: Callable[[], float] = time.process_time,
) -> float:
    """Return the median time of `work`, warmed up, by a clock: process time if not told another."""
    work()
    times = []
    for _ in range(repetitions):
        start = now()
        work()
        times.append(now() - start)
    return statistics.median(times)


def nanoseconds_per_unit(
    game_class: type[PotentialGame] = Coverage, estimator: Estimator = "bounded", **sizes: int
) -> float:
    """Return the cost of a local update per sample, agent and seed."""
    sizes = {**REFERENCE, **sizes}
    learner = prepared_learner(game_class, **sizes, estimator=estimator)
    seconds = median_seconds(learner.update)
    return 1e9 * seconds / (sizes["samples"] * sizes["agents"] * sizes["seeds"])


def scaling_table() -> Table:
    """Vary one size at a time around the reference."""
    table = Table("varied", "value", "ns / (sample x agent x local update)", "ms / local update")
    for name, values in {
        "samples": (1000, 4000, 16000),
        "agents": (6, 12, 24, 48),
        "seeds": (1, 5, 20, 40),
        "actions": (2, 6, 20),
    }.items():
        for value in values:
            cost = nanoseconds_per_unit(**{name: value})
            sizes = {**REFERENCE, name: value}
            units = sizes["samples"] * sizes["agents"] * sizes["seeds"]
            table.add_row(name, str(value), f"{cost:.2f}", f"{1e-6 * cost * units:.2f}")
    cost = nanoseconds_per_unit(Congestion)
    table.add_row("own rewards", "congestion", f"{cost:.2f}", "")
    return table


def estimators_table(seeds: int = 4) -> Table:
    """Show the cost of each estimator, at twice the samples and twice the agents, and of its fit.

    Linear in both: the three columns are then alike. A fit comes once a round.
    """
    title = "estimators, ns / (sample x agent x local update), and models, ms / (seed x round)"
    table = Table("estimator", "reference", "2 x samples", "2 x agents", "fit", title=title)
    for estimator in get_args(Estimator):
        reference = {**REFERENCE, "seeds": seeds}
        costs = [
            nanoseconds_per_unit(estimator=estimator, **{**reference, **changes})
            for changes in ({}, {"samples": 8000}, {"agents": 24})
        ]
        fit = "-"
        if estimator in MODELLING:
            learner = prepared_learner(Coverage, **reference, estimator=estimator)
            game = NormalFormGame(Coverage(12, 6, range(seeds)), Streams(range(seeds)), 0.0)
            both = median_seconds(partial(communicate, game, learner, 4000), 5)
            without = median_seconds(partial(communicate, game, learner_for(game), 4000), 5)
            fit = f"{1e3 * (both - without) / seeds:.0f}"
        table.add_row(estimator, *(f"{cost:.2f}" for cost in costs), fit)
    return table


def command_seconds(overrides: Sequence[str]) -> float:
    """Return the wall time of one run of the command, start-up included."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "marl_comm.run", *overrides]
        command += ["logger=local", f"hydra.run.dir={Path(directory) / 'run'}"]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - start


def seeds_table(seeds: int = 20) -> Table:
    """Compare `seeds` seeds in one process with as many runs one after another."""
    table = Table("game, samples per round", "one process, s", "one after another, s", "ratio")
    few_episodes = ["game=markov_congestion", "algorithm=importance_sampling"]
    for choice, samples in (
        (["game=coverage"], 1000),
        (["game=coverage"], 4000),
        (few_episodes, 200),
    ):
        settings = [*choice, f"samples_per_round={samples}", "max_local_steps=200"]
        together = command_seconds([*settings, f"num_seeds={seeds}"])
        apart = sum(command_seconds([*settings, f"seed={seed}"]) for seed in range(seeds))
        table.add_row(
            f"{choice[0]}, {samples}", f"{together:.2f}", f"{apart:.2f}", f"{together / apart:.2f}"
        )
    return table


def markov_table() -> Table:
    """Time an update from 10 episodes of 20 steps of the published congestion game."""
    title = "markov_congestion, 8 agents, 4 facilities, 10 episodes of 20 steps, ms"
    table = Table("seeds", "update", "play and update", "exact figures", title=title)
    for seeds in (1, 20):
        bare_game = MarkovCongestion(8, (1.0, 2.0, 4.0, 6.0), 100.0, 0.99, 20)
        game = MarkovFormGame(bare_game, Streams(range(seeds)), 0.0)
        learner = learner_for(game)
        communicate(game, learner, 200)

        def play_and_update(
            game: MarkovFormGame = game, learner: NaturalPolicyGradient = learner
        ) -> None:
            communicate(game, learner, 200)
            learner.update()

        def evaluate(game: MarkovFormGame = game, learner: NaturalPolicyGradient = learner) -> None:
            game.evaluate(np.arange(learner.rows), learner.log_policy)

        works = (learner.update, play_and_update, evaluate)
        table.add_row(str(seeds), *(f"{1e3 * median_seconds(work, 101):.2f}" for work in works))
    return table


def tabular() -> None:
    """Print the tabular benchmarks."""
    costs = [nanoseconds_per_unit() for _ in range(5)]
    console.print(
        f"local update, 4000 samples, 12 agents, 6 actions, 20 seeds, one thread: "
        f"{statistics.median(costs):.2f} ns per (sample x agent x local update), "
        f"range of 5: {min(costs):.2f} to {max(costs):.2f}"
    )
    console.print(scaling_table())
    console.print(estimators_table())
    console.print(markov_table())
    console.print(seeds_table())


_COPIES = {"cpu": (128,), "cuda": (64, 512, 4096, 16_384, 65_536)}
_SEEDS = {"cpu": 8, "cuda": 1}
_STEPS, _EPOCHS = 25, 10
OPERATIONS = 1.38e6
"""Of an update's matrix products, per joint step: 10 epochs, and a pass before them to weigh."""


def mappo(device: str, copies: Sequence[int] | None, seeds: int | None) -> None:
    """Print how many joint environment steps MAPPO learns from per second, and where time goes.

    Full communication, simple_spread, 2 x 64 networks, 10 epochs of one minibatch. On a CPU process
    time of one thread, on a GPU wall time.
    """
    import torch

    torch.set_num_threads(1)
    where = torch.cuda.get_device_name() if device == "cuda" else "one thread of the CPU"
    console.print(f"device: {device}, {where}")
    speed = gigaflops()
    table = Table("environments", "seeds x copies", "steps / s", "collect, us", "update, us", "GiB")
    games = (
        ("vmas/simple_spread", "mpe/simple_spread") if device == "cpu" else ("vmas/simple_spread",)
    )
    for game, many in ((game, many) for game in games for many in copies or _COPIES[device]):
        rows = seeds or _SEEDS[device]
        collect, update = mappo_seconds_per_step(game, rows, many, device)
        held = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else None
        table.add_row(
            game,
            f"{rows} x {many}",
            f"{1 / (collect + update):,.0f}",
            f"{1e6 * collect:.3g}",
            f"{1e6 * update:.3g}",
            "" if held is None else f"{held:.1f}",
        )
    console.print(table)
    console.print(
        "collect: environments and policies; update: weights, advantages and 10 epochs of Adam, "
        "one minibatch each; both per joint step. GiB: the most that the GPU held"
    )
    if device == "cuda":
        return
    after = gigaflops()
    console.print(
        f"the machine: (9600 x 64) (64 x 64) products at {speed:.0f} GFLOP/s before and "
        f"{after:.0f} after, at which the arithmetic of updates alone would allow "
        f"{1e9 * (speed + after) / 2 / OPERATIONS:,.0f} steps / s"
    )
    for name, found in peers(_COPIES["cpu"][0], _STEPS, _EPOCHS):
        told = "not installed, or no trainer in it" if found is None else f"{found:,.0f} steps / s"
        console.print(
            f"beside it, the same work in VMAS by {name}, 1 x {_COPIES['cpu'][0]}: {told}"
        )


def gigaflops() -> float:
    """Return the speed of plain products of the size of a hidden layer, on the CPU."""
    import torch

    many, weights = torch.ones((9600, 64)), torch.ones((64, 64))
    seconds = median_seconds(lambda: torch.mm(many, weights), repetitions=201)
    return 2e-9 * 9600 * 64 * 64 / seconds


def mappo_seconds_per_step(
    game_name: str, seeds: int, copies: int, device: str
) -> tuple[float, float]:
    """Return the time per joint step of collecting a chunk, and of learning from it."""
    import torch

    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    parts = mappo_parts(game_name, seeds, copies, device)

    def now() -> float:
        if device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    steps = seeds * copies * _STEPS
    collecting = median_seconds(partial(collect, parts), repetitions=5, now=now)
    updating = median_seconds(parts.learner.update, repetitions=5, now=now)
    parts.game.close()
    return collecting / steps, updating / steps


def collect(parts: Any) -> None:
    """Collect a round of every seed, and hand it to the learner."""
    rows = np.arange(parts.learner.rows)
    behaviours = parts.learner.behaviours_for(parts.plan(rows))
    parts.learner.receive(rows, parts.game.collect(rows, behaviours, None))


def mappo_profile() -> None:
    """Print which parts the time of MAPPO in VMAS goes to."""
    import torch
    from benchmark_parts import profile_table

    torch.set_num_threads(1)
    seeds, copies = _SEEDS["cpu"], _COPIES["cpu"][0]
    parts = mappo_parts("vmas/simple_spread", seeds, copies, "cpu")
    works = {"collect": partial(collect, parts), "update": parts.learner.update}
    for work in works.values():
        work()

    def evaluate() -> None:
        for sampled in (False, True):
            parts.game.play_episodes(parts.learner.policy, sampled=sampled)

    speed = gigaflops()
    console.print(profile_table(works, evaluate, seeds * copies * _STEPS, every=20))
    console.print(f"plain products at {speed:.0f} GFLOP/s before and {gigaflops():.0f} after")


def mappo_parts(game_name: str, seeds: int, copies: int, device: str) -> Any:
    """Return the parts of a run of the sizes that are timed."""
    from marl_comm.command_line.composition import compose
    from marl_comm.runs.assemble import assemble

    config = compose(
        f"game={game_name}",
        f"game.copies={copies}",
        f"game.steps={_STEPS}",
        f"num_seeds={seeds}",
        "algorithm=full_communication",
        "learner.minibatches=1",
        f"learner.epochs={_EPOCHS}",
        f"learner.device={device}",
    )
    return assemble(config, Streams(range(seeds)))


def smax() -> None:
    """Print how fast battles of SMAX are stepped from the host, without and with policies."""
    import torch

    torch.set_num_threads(1)
    title = "SMAX, joint steps per second of process time"
    table = Table("game", "seeds x copies", "environment", "collecting", "learning", title=title)
    for game in ("smax/3m", "smax/2s3z"):
        seeds, copies = 1, 64
        alone = smax_seconds_per_step(game, seeds, copies)
        collect, update = mappo_seconds_per_step(game, seeds, copies, "cpu")
        rates = (1 / alone, 1 / collect, 1 / (collect + update))
        table.add_row(game, f"{seeds} x {copies}", *(f"{rate:,.0f}" for rate in rates))
    console.print(table)
    console.print(
        "environment: steps and new episodes, the actions at hand; collecting: with policies; "
        "learning: with 10 epochs of Adam, too"
    )


def smax_seconds_per_step(game_name: str, seeds: int, copies: int) -> float:
    """Return the process time per joint step of the environment alone, first legal choices."""
    import torch

    parts = mappo_parts(game_name, seeds, copies, "cpu")
    environments, rows = parts.game._environments, np.arange(seeds)
    random = np.random.default_rng(0)

    def step() -> float:
        legal = environments.situation(rows).legal
        chosen = (legal * torch.from_numpy(random.random(legal.shape))).argmax(dim=-1)
        start = time.process_time()
        environments.step(rows, chosen)
        environments.situation(rows)
        return time.process_time() - start

    for _ in range(5):
        step()
    return statistics.fmean(step() for _ in range(300)) / (seeds * copies)


def main() -> None:
    """Run the benchmark named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmark", choices=["tabular", "mappo", "smax"])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="of mappo")
    parser.add_argument("--copies", type=int, nargs="+", help="of mappo's environments per seed")
    parser.add_argument("--profile", action="store_true", help="of mappo, on the CPU")
    parser.add_argument("--seeds", type=int, help="of mappo; 8 on a CPU, 1 on a GPU")
    chosen = parser.parse_args()
    if chosen.benchmark == "tabular":
        tabular()
    elif chosen.benchmark == "smax":
        smax()
    elif chosen.profile:
        mappo_profile()
    else:
        mappo(chosen.device, chosen.copies, chosen.seeds)


if __name__ == "__main__":
    main()
