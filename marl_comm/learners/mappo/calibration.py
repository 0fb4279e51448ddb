"""How far to trust a predictor: the share of its way that would have served best so far."""

from typing import Self

import torch
from torch import Tensor

SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_MEMORY = 0.5  # weight of the past in the running mean of divergences


class Calibration:
    """For each row and position in a round, running divergences of the candidates for kappa.

    A base policy goes the share kappa of the predicted way. After the fact it is known what every
    share would have led to: the divergence of the policy that was really reached from the base
    policy of that share. Kappa minimises the running mean of it over past rounds. It starts at 0,
    where nothing is predicted, so a predictor has to earn its way.

    Attributes:
        divergences: (rows, positions, shares), running means in nats.
        scored: (rows, positions), bool, whether there is anything to go by.
    """

    def __init__(self, divergences: Tensor, scored: Tensor) -> None:
        """Start from given running means."""
        self.divergences, self.scored = divergences, scored

    @classmethod
    def fresh(cls, rows: int, positions: int, device: torch.device) -> Self:
        """Return a calibration that knows nothing."""
        divergences = torch.zeros((rows, positions, len(SHARES)), device=device)
        return cls(divergences, torch.zeros((rows, positions), dtype=torch.bool, device=device))

    def trust(self, rows: Tensor) -> Tensor:
        """Return kappa, (given rows, positions); of equally good shares the smallest."""
        shares = torch.tensor(SHARES, device=self.divergences.device)
        best = shares[self.divergences[rows].argmin(dim=-1)]
        return torch.where(self.scored[rows], best, torch.zeros_like(best))

    def score(self, rows: Tensor, positions: Tensor, divergences: Tensor) -> None:
        """Take in what each share would have led to.

        Args:
            rows: (n,).
            positions: (n,), position of each of these rows in its round.
            divergences: (n, shares).
        """
        past = self.divergences[rows, positions]
        mixed = _MEMORY * past + (1 - _MEMORY) * divergences
        known = self.scored[rows, positions].unsqueeze(-1)
        self.divergences[rows, positions] = torch.where(known, mixed, divergences)
        self.scored[rows, positions] = True

    def keep(self, rows: Tensor) -> Self:
        """Return a copy of the given rows."""
        return type(self)(self.divergences[rows], self.scored[rows])
