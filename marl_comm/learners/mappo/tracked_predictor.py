"""A predictor of the coming policies, and what is known of how far it can be trusted."""

from typing import Self

import torch
from torch import Tensor

from marl_comm.experience.network_bases import NetworkBases
from marl_comm.learners.mappo.calibration import FARTHEST_LAG, SHARES, Calibration
from marl_comm.learners.mappo.past_predictions import PastPredictions
from marl_comm.learners.mappo.predictor import NetworkPredictor
from marl_comm.learners.mappo.probe_states import ProbeStates
from marl_comm.rows import Fixed, Rows, record


@record
class TrackedPredictor:
    """Holds predictions against what came of them.

    Attributes:
        predictor: How the coming policies are predicted.
        past: The predictions of the latest local updates; none of them when rehearsing,
            which would cost as much as the local updates themselves.
        calibration: How good they were.
    """

    predictor: Fixed[NetworkPredictor]
    past: Rows[PastPredictions]
    calibration: Rows[Calibration]

    def __init__(
        self, predictor: NetworkPredictor, past: PastPredictions, calibration: Calibration
    ):
        """Start from what is known."""
        self.predictor = predictor
        self.past, self.calibration = past, calibration

    @classmethod
    def fresh(cls, predictor: NetworkPredictor, parameters: Tensor, longest_round: int) -> Self:
        """Return one that has seen nothing, for policies (rows, P)."""
        calibration = Calibration.fresh(len(parameters), longest_round, parameters.device)
        return cls(predictor, PastPredictions.fresh(parameters), calibration)

    def look_back(
        self,
        probes: ProbeStates,
        reached: Tensor,
        local_step: int,
        bases: NetworkBases,
        position: Tensor,
        tested: Tensor,
    ) -> None:
        """Score past predictions of the policies as they are now.

        Args:
            probes: Where policies are compared.
            reached: The current policies' outputs there.
            local_step: Of the run.
            bases: Of the round, with what was predicted at its start.
            position: (rows,), local updates since the round's start.
            tested: (rows,), bool, whether the round's own prediction reaches as far as this.
        """
        if not self.predictor.rehearses:
            self.past.score(probes, reached, local_step, self.calibration)
            return
        if bases.predicted is None:
            return
        every = torch.arange(len(position), device=position.device)
        start, end = bases.predicted[:, 0], bases.predicted[every, position]
        scores = [
            probes.divergence(reached, probes.outputs(torch.lerp(start, end, share)))
            for share in SHARES
        ]
        rows = torch.nonzero(tested)[:, 0]
        self.calibration.score(rows, position[rows], torch.stack(scores, dim=1)[rows])

    def remember(self, parameters: Tensor, step: Tensor, longest_round: int) -> None:
        """Note down what is predicted now, (rows, P) both, if it is to be scored later."""
        self.past.remember(parameters, step, min(longest_round, FARTHEST_LAG + 1))
