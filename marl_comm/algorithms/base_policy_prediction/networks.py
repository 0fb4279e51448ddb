"""Base-policy prediction for networks: one predicted policy for each chunk of a round."""

import numpy as np
import torch

from marl_comm.algorithms.algorithm import Stateless
from marl_comm.algorithms.current_networks import RoundLength
from marl_comm.algorithms.networks import NetworkAlgorithm
from marl_comm.arrays import IntArray
from marl_comm.experience.network_bases import NetworkBases
from marl_comm.learners.learner import NetworkLearner


class PredictedNetworks(Stateless[NetworkLearner, NetworkBases], NetworkAlgorithm):
    """Chunk s is collected by the policy predicted for local update s.

    Idea: Xiong & Singh 2026, arXiv 2601.12518. Calibrated, a base policy goes only the share of
    the predicted way that would have served best so far; without, all of it.
    """

    def __init__(self, length: RoundLength, *, calibrated: bool, predictor: str) -> None:
        """Configure the prediction.

        Args:
            length: How many chunks a round has.
            calibrated: Whether predictions have to earn trust.
            predictor: How the learner predicts.
        """
        self._length = length
        self._calibrated = calibrated
        self._predictor = predictor

    @property
    def reweighs(self) -> bool:
        """Yes: predictions are never quite right."""
        return True

    @property
    def predictor(self) -> str:
        """How the learner predicts."""
        return self._predictor

    def plan(self, learner: NetworkLearner, rows: IntArray) -> NetworkBases:
        """Return the current policy and the predicted ones, as far as they are trusted."""
        chosen = torch.from_numpy(np.asarray(rows)).to(learner.parameters.device)
        count = self._length.of(learner, chosen)
        positions = int(count.max())
        predicted = learner.predict(chosen, positions)
        if self._calibrated:
            trust = learner.trust(chosen, predicted)
        else:
            # A policy that nothing was learned from yet cannot be predicted.
            learned = (learner.rounds[chosen] > 0).to(predicted.dtype)
            trust = learned.unsqueeze(1).expand(-1, positions)
        current = learner.parameters[chosen].unsqueeze(1)
        bases = torch.lerp(current.expand_as(predicted), predicted, trust.unsqueeze(2))
        return NetworkBases(bases, count, predicted, trust)
