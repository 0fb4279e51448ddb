"""Who played the samples that a row has, over all the rounds that it keeps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from marl_comm.arrays import AnyArray, Array, BoolArray, IntArray
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.rows import Rows, record


@record
@dataclass
class Mixture:
    """The behaviour policies of the kept rounds, the newest round first, and what each played.

    Samples lie in the same order, those of a round in the order of its bases. Rows that keep fewer
    rounds than others have bases without samples at the end, and places without a sample.

    Attributes:
        log_policies: (rows, bases, ..., agents, actions).
        samples: (rows, bases), samples of each, or in Markov games episodes; 0 for padding.
    """

    log_policies: Rows[Array]
    samples: Rows[IntArray]

    @classmethod
    def of_round(cls, bases: BasePolicies, samples: int) -> Self:
        """Return the mixture of one round that has split `samples` over its bases."""
        return cls(bases.log_policies, bases.samples_per_base(samples))

    @property
    def size(self) -> int:
        """How many bases there is room for."""
        return int(self.samples.shape[1])

    @property
    def total(self) -> IntArray:
        """(rows,), samples of all bases."""
        return np.asarray(self.samples.sum(axis=1))

    def base_of_sample(self, places: int) -> IntArray:
        """Return which base played each sample, (rows, places); `size` where there is none."""
        ends = self.samples.cumsum(axis=1)
        return np.asarray((np.arange(places)[None, :, None] >= ends[:, None, :]).sum(axis=-1))

    def present(self, places: int) -> BoolArray:
        """Return which places hold a sample, (rows, places)."""
        return np.arange(places) < self.total[:, None]

    def of_base(self, base: IntArray, places: int) -> tuple[BoolArray, IntArray]:
        """Return which places hold samples of one base, (rows, places), and how many, (rows,).

        Args:
            base: (rows,).
            places: How many there are.
        """
        counts = np.take_along_axis(self.samples, base[:, None], axis=1)[:, 0]
        return self.base_of_sample(places) == base[:, None], counts

    def of_own_base(self, log_probability: Callable[[Array], Array], places: int) -> Array:
        """Return each sample's log-probability under the base that played it.

        Args:
            log_probability: Of all samples under a policy of each row, (rows, ..., places).
            places: How many samples there is room for.

        Returns:
            (rows, ..., places).
        """
        base_of_sample = self.base_of_sample(places)
        own = log_probability(self.log_policies[:, 0])
        for base in range(1, self.size):
            if self.samples[:, base].any():
                of_base = (base_of_sample == base).reshape(len(own), *(1,) * (own.ndim - 2), places)
                own = np.where(of_base, log_probability(self.log_policies[:, base]), own)
        return own

    def before(self, earlier: "Mixture", bases: int) -> "Mixture":
        """Return this mixture followed by an earlier one, cut to so many bases."""
        policies = np.concatenate([self.log_policies, earlier.log_policies], axis=1)
        samples = np.concatenate([self.samples, earlier.samples], axis=1)
        return Mixture(policies[:, :bases], samples[:, :bases])

    def widened(self, bases: int) -> "Mixture":
        """Return the same mixture with room for so many bases."""
        return Mixture(widened(self.log_policies, bases, axis=1), widened(self.samples, bases, 1))


def widened(array: AnyArray, size: int, axis: int, fill: float = 0) -> AnyArray:
    """Return an array with `fill` behind its last entries along an axis."""
    missing = [(0, 0)] * array.ndim
    missing[axis] = (0, size - array.shape[axis])
    return np.pad(array, missing, constant_values=fill)
