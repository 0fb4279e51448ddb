"""Everything that a local update changes."""

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from marl_comm.arrays import IntArray
from marl_comm.learners.mappo.advantages import ValueNormaliser
from marl_comm.learners.mappo.optimiser import Adam
from marl_comm.rows import Rows, record, take


@record
@dataclass
class State:
    """Networks, optimisers and value statistics, a row per seed.

    Attributes:
        actor: (rows, P), parameters of the policies.
        critic: (rows, Q), parameters of the value functions.
        actor_optimiser: Of the policies.
        critic_optimiser: Of the value functions.
        values: Units of the value functions.
    """

    actor: Rows[Tensor]
    critic: Rows[Tensor]
    actor_optimiser: Rows[Adam]
    critic_optimiser: Rows[Adam]
    values: Rows[ValueNormaliser]


@record
@dataclass(frozen=True)
class CriticThen:
    """The value functions as they were when a round began, a row per seed.

    Attributes:
        parameters: (rows, Q).
        moments: Of their units, as `ValueNormaliser` has them.
    """

    parameters: Rows[Tensor]
    moments: Rows[Tensor]

    @classmethod
    def of(cls, networks: State, rows: IntArray) -> Self:
        """Return a copy of what some rows, (n,), have now."""
        return take(cls(networks.critic, networks.values.moments), rows)

    @property
    def values(self) -> ValueNormaliser:
        """Their units."""
        return ValueNormaliser(self.moments)
