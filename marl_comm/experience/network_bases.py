"""The networks that collect a round's chunks, and what the round brings."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from marl_comm.experience import Traffic
from marl_comm.experience.rollouts import Rollouts
from marl_comm.rows import Chosen, Rows, index_of, record


@record
@dataclass
class NetworkBases:
    """For each row and chunk, the parameters of the policy that collects it.

    Attributes:
        parameters: (rows, chunks, P); what lies beyond a row's count has no meaning.
        count: (rows,), int64, chunks of each row, at least 1.
        predicted: (rows, chunks, P), where the predictor said that the policy would be, before
            calibration; None where nothing is predicted.
        trust: (rows, chunks), the share of the predicted way that the bases go, kappa.
    """

    parameters: Rows[Tensor]
    count: Rows[Tensor]
    predicted: Rows[Tensor | None]
    trust: Rows[Tensor]

    @classmethod
    def current(cls, parameters: Tensor, count: Tensor) -> Self:
        """Return the current policies, (rows, P), as the base of every chunk."""
        chunks = int(count.max())
        repeated = parameters.unsqueeze(1).expand(-1, chunks, -1)
        return cls(repeated, count, None, parameters.new_zeros((len(parameters), chunks)))

    def at(self, position: Tensor) -> Tensor:
        """Return the parameters at each row's position, (rows, P)."""
        return self.parameters[torch.arange(len(position), device=position.device), position]

    def put_rows(self, rows: Chosen, other: Self) -> None:
        """Overwrite the given rows by the rows of `other`, making room where it has more chunks."""
        chosen: Tensor = index_of(self.count, rows)
        self.parameters = _replaced(self.parameters, chosen, other.parameters)
        self.trust = _replaced(self.trust, chosen, other.trust)
        if self.predicted is not None and other.predicted is not None:
            self.predicted = _replaced(self.predicted, chosen, other.predicted)
        self.count = _replaced(self.count, chosen, other.count)


@dataclass(frozen=True)
class Round:
    """What a round gives to the learner.

    Attributes:
        bases: Who played.
        rollouts: What was recorded.
        observations_travel: Whether agents read what others have seen and done.
    """

    bases: NetworkBases
    rollouts: Rollouts
    observations_travel: bool = True

    @property
    def traffic(self) -> Traffic:
        """What moving it costs."""
        return self.rollouts.traffic if self.observations_travel else self.rollouts.rewards_moved


def _replaced(here: Tensor, rows: Tensor, there: Tensor) -> Tensor:
    data = here.clone()
    if there.ndim > 1 and there.shape[1] > here.shape[1]:
        room = here.new_zeros((len(here), there.shape[1] - here.shape[1], *here.shape[2:]))
        data = torch.cat([data, room], dim=1)
    if there.ndim > 1:
        data[rows, : there.shape[1]] = there
    else:
        data[rows] = there
    return data
