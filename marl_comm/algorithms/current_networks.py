"""Networks that collect with the current policy, and how many chunks a round has."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from marl_comm.algorithms.algorithm import Stateless
from marl_comm.algorithms.networks import NetworkAlgorithm
from marl_comm.arrays import IntArray
from marl_comm.experience.network_bases import NetworkBases
from marl_comm.learners.learner import NetworkLearner
from marl_comm.options.answers import RunSettings


@dataclass(frozen=True)
class RoundLength:
    """How many chunks a round collects: one for each local update that it may last.

    Attributes:
        chunks: Of an ordinary round, at most.
        warmup_rounds: How many first rounds have one chunk only.
        adaptive: Whether rounds end when they will. Then the next one has twice the chunks of a
            round that needed them all, else one more than the last one needed.
    """

    chunks: int
    warmup_rounds: int
    adaptive: bool

    @classmethod
    def of_run(cls, run: RunSettings) -> Self:
        """Return the length of a run's rounds."""
        return cls(
            chunks=run.longest_round,
            warmup_rounds=run.communication.first_rounds or 0,
            adaptive=run.communication.ends_by_itself,
        )

    def of(self, learner: NetworkLearner, rows: Tensor) -> Tensor:
        """Return the chunks of the given rows' next round, (given rows,)."""
        count = torch.full_like(rows, self.chunks)
        if self.adaptive:
            last = torch.ones_like(rows) if learner.bases is None else learner.bases.count[rows]
            used = learner.updates[rows]
            wanted = torch.where(used >= last, 2 * last, used + 1)
            count = wanted.clamp_max(self.chunks)
        return torch.where(learner.rounds[rows] < self.warmup_rounds, 1, count)


class CurrentNetworks(Stateless[NetworkLearner, NetworkBases], NetworkAlgorithm):
    """All chunks of a round are collected by the policy at its start."""

    def __init__(self, length: RoundLength, *, reweighs: bool) -> None:
        """Set how many chunks a round has, and whether old data are reweighed."""
        self._length = length
        self._reweighs = reweighs

    @property
    def reweighs(self) -> bool:
        """Whether old data are reweighed for the current policy."""
        return self._reweighs

    @property
    def predictor(self) -> None:
        """Nothing is predicted."""

    def plan(self, learner: NetworkLearner, rows: IntArray) -> NetworkBases:
        """Return the current policies of the given rows as the base of every chunk."""
        chosen = torch.from_numpy(np.asarray(rows)).to(learner.parameters.device)
        count = self._length.of(learner, chosen)
        return NetworkBases.current(learner.parameters[chosen], count)
