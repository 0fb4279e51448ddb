"""How far to trust a predictor: the share of its way that would have served best so far."""

from typing import Self

import torch
from torch import Tensor

from marl_comm.learners.mappo.probe_states import ProbeStates
from marl_comm.rows import Rows, record

SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
FARTHEST_LAG = 64  # local updates; nothing is predicted beyond
_FARTHEST_BASE = 0.5  # of the policies' own drift
_MEMORY = 0.95  # weight of the past at each observation
_FEWEST = 1 + _MEMORY + _MEMORY**2  # weight of three observations
_SMALLEST_DRIFT = 1e-6  # nats


@record
class Calibration:
    """For each row and lag, running figures of what each candidate for kappa would have led to.

    A base policy goes the share kappa of the predicted way. After the fact it is known what every
    share would have led to: the divergence of the policy that was really reached from the base
    policy of that share, relative to that from the policy at the start (the drift). Kappa minimises
    its running mean. Relative, because one local update that leaps would outvote all others.

    Attributes:
        losses: (rows, lags, shares), decayed sums of relative divergences.
        drift: (rows, lags), decayed sums of drifts in nats.
        weight: (rows, lags), decayed numbers of observations.
    """

    losses: Rows[Tensor]
    drift: Rows[Tensor]
    weight: Rows[Tensor]

    def __init__(self, losses: Tensor, drift: Tensor, weight: Tensor) -> None:
        """Start from given sums."""
        self.losses, self.drift, self.weight = losses, drift, weight

    @classmethod
    def fresh(cls, rows: int, longest_round: int, device: torch.device) -> Self:
        """Return a calibration that knows nothing."""
        lags = min(longest_round, FARTHEST_LAG + 1)
        losses = torch.zeros((rows, lags, len(SHARES)), device=device)
        return cls(losses, torch.zeros((rows, lags), device=device), losses[..., 0].clone())

    def score(self, rows: Tensor, lags: Tensor, divergences: Tensor) -> None:
        """Take in what each share would have led to.

        Args:
            rows: (n,).
            lags: (n,), local updates from the prediction to the policy that was reached.
            divergences: (n, shares), in nats.
        """
        known = lags < self.weight.shape[1]
        rows, lags, divergences = rows[known], lags[known], divergences[known]
        drift = divergences[:, 0]
        relative = divergences / (drift.unsqueeze(1) + _SMALLEST_DRIFT)
        self.losses[rows, lags] = _MEMORY * self.losses[rows, lags] + relative
        self.drift[rows, lags] = _MEMORY * self.drift[rows, lags] + drift
        self.weight[rows, lags] = _MEMORY * self.weight[rows, lags] + 1

    def earned(self) -> Tensor:
        """Return kappa as past divergences have it, (rows, lags); of equally good the smallest.

        It takes three observations to earn any.
        """
        best = torch.tensor(SHARES, device=self.losses.device)[self.losses.argmin(dim=-1)]
        return torch.where(self.weight > _FEWEST - 1e-3, best, torch.zeros_like(best))

    def trust(self, rows: Tensor, predicted: Tensor, probes: ProbeStates) -> Tensor:
        """Return kappa for new predictions.

        What was earned, but no farther than where a base policy diverges from the start by half of
        the mean drift. Then even a prediction at right angles to where the policies really go
        costs only half of the drift more.

        Args:
            rows: (n,).
            predicted: (n, positions, P), the first of them the current policies.
            probes: Of these rows, where policies are compared.

        Returns:
            (n, positions).
        """
        lags = min(predicted.shape[1], self.weight.shape[1])
        earned = self.earned()[rows, :lags]
        limit = _FARTHEST_BASE * (self.drift / self.weight.clamp_min(1.0))[rows, :lags]
        kappa = predicted.new_zeros(predicted.shape[:2])
        start = probes.outputs(predicted[:, 0])
        for lag in range(1, lags):
            for share in SHARES[1:]:
                base = torch.lerp(predicted[:, 0], predicted[:, lag], share)
                apart = probes.divergence(probes.outputs(base), start)
                allowed = (apart <= limit[:, lag]) & (share <= earned[:, lag] + 1e-6)
                kappa[:, lag] = torch.where(allowed, share, kappa[:, lag])
        return kappa
