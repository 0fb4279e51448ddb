"""Plans for network policies: one base policy per chunk of a round."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from marl_comm.arrays import IntArray
from marl_comm.learners.mappo.bases import NetworkBases
from marl_comm.learners.mappo.learner import Mappo


@dataclass(frozen=True)
class RoundLength:
    """How many chunks a round collects: one for each local iteration that it may last.

    Attributes:
        chunks: Of an ordinary round, at most.
        warmup_rounds: How many first rounds have one chunk only.
        adaptive: Whether rounds end when they will. Then the next one has twice the chunks of a
            round that needed them all, else one more than the last one needed.
    """

    chunks: int
    warmup_rounds: int
    adaptive: bool

    def of(self, learner: Mappo, rows: Tensor) -> Tensor:
        """Return the chunks of the given rows' next round, (given rows,)."""
        count = torch.full_like(rows, self.chunks)
        if self.adaptive:
            last = torch.ones_like(rows) if learner.bases is None else learner.bases.count[rows]
            used = learner.updates[rows]
            wanted = torch.where(used >= last, 2 * last, used + 1)
            count = wanted.clamp_max(self.chunks)
        return torch.where(learner.rounds[rows] < self.warmup_rounds, 1, count)


class CurrentNetworks:
    """All chunks of a round are collected by the policy at its start."""

    def __init__(self, length: RoundLength) -> None:
        """Set how many chunks a round has."""
        self._length = length

    def plan(self, learner: Mappo, rows: IntArray) -> NetworkBases:
        """Return the current policies of the given rows as the base of every chunk."""
        chosen = torch.from_numpy(np.asarray(rows)).to(learner.networks.actor.device)
        count = self._length.of(learner, chosen)
        return NetworkBases.current(learner.networks.actor[chosen], count)


class PredictedNetworks:
    """Chunk s is collected by the policy predicted for local iteration s.

    Idea: Xiong & Singh 2026, arXiv 2601.12518. Calibrated, a base policy goes only the share of
    the predicted way that would have served best so far; without, all of it.
    """

    def __init__(self, length: RoundLength, *, calibrated: bool) -> None:
        """Configure the prediction.

        Args:
            length: How many chunks a round has.
            calibrated: Whether predictions have to earn trust.
        """
        self._length = length
        self._calibrated = calibrated

    def plan(self, learner: Mappo, rows: IntArray) -> NetworkBases:
        """Return the current policy and the predicted ones, as far as they are trusted."""
        chosen = torch.from_numpy(np.asarray(rows)).to(learner.networks.actor.device)
        count = self._length.of(learner, chosen)
        positions = int(count.max())
        predicted = learner.predict(chosen, positions)
        if self._calibrated:
            trust = learner.trust(chosen, predicted)
        else:
            # A policy that nothing was learned from yet cannot be predicted.
            learned = (learner.rounds[chosen] > 0).to(predicted.dtype)
            trust = learned.unsqueeze(1).expand(-1, positions)
        current = learner.networks.actor[chosen].unsqueeze(1)
        bases = torch.lerp(current.expand_as(predicted), predicted, trust.unsqueeze(2))
        return NetworkBases(bases, count, predicted, trust)
