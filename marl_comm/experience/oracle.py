"""Exact mode: action values come from the game itself; only distances to the bases matter."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from marl_comm.estimators import Estimator, renyi_divergence
from marl_comm.experience.base import Staleness, Traffic
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.types import Array, IntArray

ExactActionValues = Callable[[IntArray, Array], Array]


class OracleExperience:
    """Exact action values within reach of a round's base policies. Moves no samples, no bytes.

    The effective sample size is that of infinitely many samples from the nearest base.
    """

    def __init__(
        self, seed_rows: IntArray, bases: BasePolicies, exact_action_values: ExactActionValues
    ) -> None:
        """Remember the bases, and how to ask the game for the seeds in `seed_rows`, (rows,)."""
        self._seed_rows = seed_rows
        self._bases = bases
        self._exact_action_values = exact_action_values

    @property
    def bases(self) -> BasePolicies:
        """The base policies of the round."""
        return self._bases

    @property
    def traffic(self) -> Traffic:
        """Nothing is sampled and nothing travels."""
        return Traffic(samples=0, bytes_up=0, bytes_down=0)

    def weigh(self, log_policy: Array) -> Staleness:
        """Return the exact divergence to the nearest base."""
        return nearest_base(log_policy, self._bases)

    def action_values(
        self, log_policy: Array, *, weighted: bool, estimator: Estimator, truncation: float
    ) -> Array:
        """Return the exact action values; the estimator has no say."""
        return self._exact_action_values(self._seed_rows, log_policy)

    def state(self) -> dict[str, Any]:
        """Return the bases and whose they are, for a checkpoint."""
        return {"seed_rows": self._seed_rows, "bases": self._bases.state()}

    @classmethod
    def restored(cls, state: dict[str, Any], exact_action_values: ExactActionValues) -> Self:
        """Return the experience that a checkpoint holds."""
        return cls(state["seed_rows"], BasePolicies(**state["bases"]), exact_action_values)

    def keep(self, rows: IntArray) -> Self:
        """Return a copy of the given rows."""
        return type(self)(self._seed_rows[rows], self._bases.keep(rows), self._exact_action_values)

    def replace(self, rows: IntArray, other: Self) -> None:
        """Overwrite the given rows by the rows of `other`."""
        self._seed_rows[rows] = other._seed_rows
        self._bases.replace(rows, other._bases)


def nearest_base(log_policy: Array, bases: BasePolicies) -> Staleness:
    """Return the base with the smallest Renyi-2 divergence from the policy, and exp(-divergence).

    Args:
        log_policy: (rows, agents, actions).
        bases: Product policies of the same rows.
    """
    divergences = renyi_divergence(log_policy[:, None], bases.log_policies)
    divergences[~bases.in_use] = np.inf
    nearest = divergences.argmin(axis=1)
    divergence = np.take_along_axis(divergences, nearest[:, None], axis=1)[:, 0]
    return Staleness(ess=np.exp(-divergence), divergence=divergence, nearest=nearest)
