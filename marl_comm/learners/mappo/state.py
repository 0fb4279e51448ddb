"""Everything that a local iteration changes."""

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from marl_comm.learners.mappo.advantages import ValueNormaliser
from marl_comm.learners.mappo.optimiser import Adam


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

    actor: Tensor
    critic: Tensor
    actor_optimiser: Adam
    critic_optimiser: Adam
    values: ValueNormaliser

    def of(self, rows: Tensor) -> Self:
        """Return a copy of some rows."""
        return type(self)(
            self.actor[rows].clone(),
            self.critic[rows].clone(),
            self.actor_optimiser.of(rows),
            self.critic_optimiser.of(rows),
            self.values.of(rows),
        )
