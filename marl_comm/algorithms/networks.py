"""What the loop asks of an algorithm for policies that are networks."""

from abc import abstractmethod

from marl_comm.algorithms.algorithm import Algorithm
from marl_comm.experience.network_bases import NetworkBases
from marl_comm.learners.learner import NetworkLearner


class NetworkAlgorithm(Algorithm[NetworkLearner, NetworkBases]):
    """An algorithm for policies that are networks."""

    @property
    @abstractmethod
    def predictor(self) -> str | None:
        """The predictor that the learner keeps score of; None where nothing is predicted."""
