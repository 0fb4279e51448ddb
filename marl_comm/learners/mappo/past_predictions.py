"""Predictions that could have been made at each local update, scored as their time comes."""

from typing import Self

import torch
from torch import Tensor

from marl_comm.learners.mappo.calibration import SHARES, Calibration
from marl_comm.learners.mappo.probe_states import ProbeStates
from marl_comm.rows import Rows, record

_LAGS_AT_A_TIME = 16  # scored at one local update, at most; more take turns


@record
class PastPredictions:
    """The latest policies, and the step per local update that was predicted at each.

    Every local update tests all of them, not only the prediction that a round began with. So a
    predictor is known before it is used for the first time, and nothing needs to be communicated:
    every agent has seen all that it takes.

    Attributes:
        starts: (rows, kept, P), policies after the latest local updates, the newest first.
        steps: (rows, kept, P), what was predicted to be added at each local update from there.
    """

    starts: Rows[Tensor]
    steps: Rows[Tensor]

    def __init__(self, starts: Tensor, steps: Tensor) -> None:
        """Start from given predictions."""
        self.starts, self.steps = starts, steps

    @classmethod
    def fresh(cls, parameters: Tensor) -> Self:
        """Return one without predictions, for policies (rows, P)."""
        none = parameters.new_zeros((len(parameters), 0, parameters.shape[1]))
        return cls(none, none.clone())

    def remember(self, parameters: Tensor, step: Tensor, most: int) -> None:
        """Add the prediction of this moment, (rows, P) both, and keep the newest so many."""
        self.starts = torch.cat([parameters.unsqueeze(1), self.starts], dim=1)[:, :most]
        self.steps = torch.cat([step.unsqueeze(1), self.steps], dim=1)[:, :most]

    def score(
        self, probes: ProbeStates, reached: Tensor, local_step: int, calibration: Calibration
    ) -> None:
        """Tell the calibration how well the current policies were foreseen.

        Args:
            probes: Where policies are compared.
            reached: The current policies' outputs there.
            local_step: Says which predictions have their turn.
            calibration: Takes in the divergences.
        """
        kept = self.starts.shape[1]
        turns = max(1, -(-kept // _LAGS_AT_A_TIME))
        # Turns move on with every round of the longest kind, or its own start would never be due.
        turn = (local_step + local_step // max(1, kept)) % turns
        rows = torch.arange(len(self.starts), device=self.starts.device)
        # The newest is a prediction from the current policies themselves.
        for lag in range(1 + turn, kept, turns):
            start, way = self.starts[:, lag], lag * self.steps[:, lag]
            divergences = [
                probes.divergence(reached, probes.outputs(start + share * way)) for share in SHARES
            ]
            calibration.score(rows, torch.full_like(rows, lag), torch.stack(divergences, dim=1))
