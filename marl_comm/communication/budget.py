"""How much a seed may communicate and learn."""

from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import BoolArray, IntArray


@dataclass(frozen=True)
class Budget:
    """Hard caps of every seed; None is no cap.

    Attributes:
        max_rounds: Communication rounds.
        max_samples: Samples, over all rounds.
        max_local_steps: Local updates.
    """

    max_rounds: int | None
    max_samples: int | None
    max_local_steps: int

    def allows_round(
        self, rounds: IntArray, samples: IntArray, next_samples: int | None
    ) -> BoolArray:
        """Return, per row, whether one more round of `next_samples` samples (None: 0) fits."""
        allowed = np.ones(len(rounds), dtype=np.bool_)
        if self.max_rounds is not None:
            allowed &= rounds < self.max_rounds
        if self.max_samples is not None:
            allowed &= samples + (next_samples or 0) <= self.max_samples
        return allowed
