"""What communication has cost so far."""

import numpy as np

from marl_comm.arrays import IntArray
from marl_comm.experience import Traffic


class Ledger:
    """Cumulative cost of each of the run's seeds.

    Attributes:
        rounds: (seeds,), communication rounds.
        samples: (seeds,), joint actions played.
        bytes_up: (seeds,), written to the shared buffer, summed over the agents.
        bytes_down: (seeds,), read from it, summed over the agents.
    """

    def __init__(self, seeds: int) -> None:
        """Start at zero."""
        self.rounds: IntArray = np.zeros(seeds, dtype=np.int64)
        self.samples: IntArray = np.zeros(seeds, dtype=np.int64)
        self.bytes_up: IntArray = np.zeros(seeds, dtype=np.int64)
        self.bytes_down: IntArray = np.zeros(seeds, dtype=np.int64)

    def communicate(self, seed_rows: IntArray, traffic: Traffic) -> None:
        """Book one round for each of the given seeds."""
        self.rounds[seed_rows] += 1
        self.samples[seed_rows] += traffic.samples
        self.bytes_up[seed_rows] += traffic.bytes_up
        self.bytes_down[seed_rows] += traffic.bytes_down

    def state(self) -> dict[str, IntArray]:
        """Return all counts, for a checkpoint."""
        return dict(vars(self))

    def restore(self, state: dict[str, IntArray]) -> None:
        """Take over the counts of a checkpoint."""
        vars(self).update(state)
