"""Exact mode: action values come from the game itself; only distances to the bases matter."""

from collections.abc import Callable
from typing import Protocol, Self

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.estimation import Estimation
from marl_comm.experience.experience import Staleness, Traffic
from marl_comm.experience.quotient import Signal
from marl_comm.rows import Fixed, Rows, record


class Oracle(Protocol):
    """A game that knows exact figures. `seed_rows`, (R,), says which seeds the policies are for."""

    def action_values(self, seed_rows: IntArray, log_policy: Array) -> Array:
        """Return each agent's expected reward per action against the others' policies.

        Of the shape of `log_policy`, (R, ..., agents, actions).
        """

    def potential(self, seed_rows: IntArray, log_policy: Array) -> Array:
        """Return what the agents climb together, (R,)."""

    def divergences(
        self, seed_rows: IntArray, log_policy: Array, log_bases: Array, *, single_steps: bool
    ) -> Array:
        """Return the Renyi-2 divergence of policies from each of their bases, (R, B).

        Of single decisions or of whole episodes; in one-shot games they are the same. `log_bases`
        is (R, B, ..., agents, actions).
        """


@record
class OracleExperience:
    """Exact action values within reach of a round's base policies. Moves no samples, no bytes.

    The effective sample size is that of infinitely many samples from the nearest base.
    """

    _seed_rows: Rows[IntArray]
    _behaviours: Rows[BasePolicies]
    _oracle: Fixed[Oracle]
    _estimation: Fixed[Estimation]

    def __init__(self, seed_rows: IntArray, bases: BasePolicies, oracle: Oracle) -> None:
        """Remember the bases, and whom to ask about the seeds in `seed_rows`, (rows,)."""
        self._seed_rows = seed_rows
        self._behaviours = bases
        self._oracle = oracle

    @property
    def behaviours(self) -> BasePolicies:
        """The base policies of the round."""
        return self._behaviours

    @property
    def traffic(self) -> Traffic:
        """Nothing is sampled and nothing travels."""
        return Traffic(samples=0, bytes_up=0, bytes_down=0)

    def reweigh(self, log_policy: Array, update: IntArray | None = None) -> IntArray | None:
        """Return the update's own base, where each has one; there is nothing to weigh."""
        return self._behaviours.of_update(update) if self._estimation.own_base else None

    def weigh(self, log_policy: Array, update: IntArray | None = None) -> Staleness:
        """Return the exact divergence to the nearest base, or the update's own."""
        own = self.reweigh(log_policy, update)
        return nearest_base(log_policy, self._behaviours, self.divergences, own)

    def remember(self, earlier: Self, rows: IntArray, rounds: int | None) -> None:
        """There are no data to keep."""

    def prepare(self, estimation: Estimation) -> None:
        """Remember whose divergences count; nothing is estimated."""
        self._estimation = estimation

    def action_values(self, log_policy: Array) -> Array:
        """Return the exact action values."""
        return self._oracle.action_values(self._seed_rows, log_policy)

    def signal(self, log_policy: Array) -> Signal:
        """Return the exact action values: nothing is noise."""
        values = self.action_values(log_policy)
        contexts = log_policy.shape[1:-2]
        share = np.full((len(log_policy), *contexts), 1.0 / max(1, int(np.prod(contexts))))
        return Signal.of(values, np.zeros_like(values), log_policy, share)

    def model_values(self, log_policy: Array) -> Array:
        """Say that rewards are not modelled here; options that want it have refused it."""
        raise TypeError("rewards are not modelled")

    def value(self, log_policy: Array) -> Array:
        """Return the potential, or in Markov games the value."""
        return self._oracle.potential(self._seed_rows, log_policy)

    def divergences(self, rows: IntArray, log_policy: Array, log_bases: Array) -> Array:
        """Return the exact divergences of policies of the given rows, (rows, bases)."""
        return self._oracle.divergences(
            self._seed_rows[rows],
            log_policy,
            log_bases,
            single_steps=self._estimation.single_steps,
        )


def nearest_base(
    log_policy: Array,
    bases: BasePolicies,
    divergences: Callable[[IntArray, Array, Array], Array],
    own: IntArray | None = None,
) -> Staleness:
    """Return the base with the smallest Renyi-2 divergence from the policy, and exp(-divergence).

    Args:
        log_policy: (rows, ..., agents, actions).
        bases: Product policies of the same rows.
        divergences: As in `Experience`.
        own: (rows,), the base that counts, where it is not to be the nearest.
    """
    used = int(bases.count.max())
    apart = divergences(np.arange(len(log_policy)), log_policy, bases.log_policies[:, :used])
    apart = np.where(bases.in_use[:, :used], apart, np.inf)
    nearest = apart.argmin(axis=1) if own is None else own
    divergence = np.take_along_axis(apart, nearest[:, None], axis=1)[:, 0]
    return Staleness(
        ess=np.exp(-divergence),
        divergence=divergence,
        nearest=nearest,
        mean_weight=np.ones_like(divergence),
    )
