"""Everything that a local update changes."""

from dataclasses import dataclass

from torch import Tensor

from marl_comm.learners.mappo.advantages import ValueNormaliser
from marl_comm.learners.mappo.optimiser import Adam
from marl_comm.rows import Rows, record


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
