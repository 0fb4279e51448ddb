"""What communication has cost so far."""

import numpy as np

from marl_comm.arrays import IntArray
from marl_comm.experience import Traffic
from marl_comm.rows import Rows, Saveable, record


@record
class Ledger(Saveable):
    """Cumulative cost of each of the run's seeds.

    Attributes:
        rounds: (seeds,), communication rounds.
        samples: (seeds,), joint actions played.
        bytes_up: (seeds,), written to the shared buffer, summed over the agents.
        bytes_down: (seeds,), read from it, summed over the agents.
    """

    rounds: Rows[IntArray]
    samples: Rows[IntArray]
    bytes_up: Rows[IntArray]
    bytes_down: Rows[IntArray]

    def __init__(self, seeds: int) -> None:
        """Start at zero."""
        self.rounds = np.zeros(seeds, dtype=np.int64)
        self.samples = np.zeros(seeds, dtype=np.int64)
        self.bytes_up = np.zeros(seeds, dtype=np.int64)
        self.bytes_down = np.zeros(seeds, dtype=np.int64)

    def communicate(self, seed_rows: IntArray, traffic: Traffic) -> None:
        """Book one round for each of the given seeds."""
        self.rounds[seed_rows] += 1
        self.samples[seed_rows] += traffic.samples
        self.bytes_up[seed_rows] += traffic.bytes_up
        self.bytes_down[seed_rows] += traffic.bytes_down
