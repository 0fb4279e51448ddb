"""The policies that a round's data are collected with."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from marl_comm.arrays import Array, BoolArray, IntArray
from marl_comm.rows import Rows, record


@record
@dataclass
class BasePolicies:
    """For each row, the current policy and the predicted ones, in the order of the prediction.

    Attributes:
        log_policies: (rows, bases, ..., agents, actions). Rows with fewer bases repeat their last.
        count: (rows,), how many of them are in use, at least 1.
    """

    log_policies: Rows[Array]
    count: Rows[IntArray]

    @classmethod
    def current(cls, log_policy: Array, capacity: int = 1) -> Self:
        """Return the current policy as the only base, with room for `capacity` of them."""
        repeated = np.repeat(log_policy[:, None], capacity, axis=1)
        return cls(repeated, np.ones(len(log_policy), dtype=np.int64))

    @property
    def size(self) -> int:
        """How many bases there is room for."""
        return int(self.log_policies.shape[1])

    @property
    def in_use(self) -> BoolArray:
        """(rows, bases), False for padding."""
        return np.arange(self.log_policies.shape[1]) < self.count[:, None]

    def samples_per_base(self, samples: int) -> IntArray:
        """Split `samples` over each row's bases as evenly as whole numbers allow, (rows, bases)."""
        share, rest = np.divmod(samples, self.count)
        extra = np.arange(self.log_policies.shape[1]) < rest[:, None]
        return np.asarray(np.where(self.in_use, share[:, None] + extra, 0))

    def base_of_sample(self, samples: int) -> IntArray:
        """Return which base each sample comes from, in the order of the bases, (rows, samples)."""
        ends = self.samples_per_base(samples).cumsum(axis=1)
        return np.asarray((np.arange(samples)[None, :, None] >= ends[:, None, :]).sum(axis=-1))

    def of_update(self, update: IntArray | None) -> IntArray:
        """Return the base of a round's t-th local update, (rows,): base t, or the last there is.

        Args:
            update: t, (rows,), counted from 0; None for the first.
        """
        first = np.zeros_like(self.count)
        return first if update is None else np.minimum(update, self.count - 1)

    def mixed_with_uniform(self, exploration: float) -> Self:
        """Return the behaviour policies (1 - exploration) * base + exploration * uniform."""
        if exploration == 0.0:
            return self
        actions = self.log_policies.shape[-1]
        mixed = (1.0 - exploration) * np.exp(self.log_policies) + exploration / actions
        return type(self)(np.log(mixed), self.count)
