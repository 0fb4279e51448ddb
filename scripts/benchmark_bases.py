"""What storing bases and weighing their data costs: `python scripts/benchmark_bases.py`.

A round of `coverage`, by the number of bases its samples are split over: memory of the bases and of
the data, per seed, and process time of taking over a round (densities under all bases) and of a
local update. One thread: set OMP_NUM_THREADS=1.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from marl_comm.experience import BasePolicies, Estimation
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.learners.npg.learner import NaturalPolicyGradient
from marl_comm.learners.npg.update_rule import UpdateRule
from marl_comm.randomness import Streams

AGENTS, ACTIONS, SAMPLES, SEEDS = 12, 6, 4000, 20
BASES = (1, 4, 16, 64)


def main() -> None:
    """Print the table."""
    table = Table(
        title=f"coverage {AGENTS} x {ACTIONS}, {SAMPLES} samples a round; per seed of {SEEDS}"
    )
    for title in ("bases", "bases, KiB", "data, KiB", "taking over a round, ms", "an update, ms"):
        table.add_column(title, justify="right")
    for count in BASES:
        table.add_row(str(count), *cells(count))
    Console(width=110).print(table)


def cells(count: int) -> list[str]:
    """Return a row of the table: memory of bases and data, time of a round and of an update."""
    streams = Streams(range(SEEDS))
    game = NormalFormGame(Coverage(AGENTS, ACTIONS, streams.seeds), streams, reward_noise=0.0)
    start = game.initial_log_policy()
    learner = NaturalPolicyGradient(
        start,
        rule=UpdateRule(step_size=1.0, policy_floor=1e-10, stages=None),
        exploration=0.0,
        estimation=Estimation(estimator="bounded", truncation=10.0, weighted=True, rounds=1),
        oracle=game,
    )
    rows = np.arange(SEEDS)
    bases = BasePolicies.current(start, count)
    bases.log_policies += np.random.default_rng(0).normal(0, 0.1, bases.log_policies.shape)
    bases.log_policies -= np.log(np.exp(bases.log_policies).sum(axis=-1, keepdims=True))
    bases.count[:] = count
    experience = game.collect(rows, bases, SAMPLES)
    round_ = milliseconds(lambda: learner.receive(rows, experience))
    update = milliseconds(learner.update)
    data = experience.traffic.bytes_up
    return [
        f"{bases.log_policies[0].nbytes / 1024:.1f}",
        f"{data / 1024:.1f}",
        f"{round_ / SEEDS:.2f}",
        f"{update / SEEDS:.2f}",
    ]


def milliseconds(work: Callable[[], object], repetitions: int = 9) -> float:
    """Return the median process time of some work."""
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main()
