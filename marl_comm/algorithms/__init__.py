"""Algorithms: which policies collect the data of a communication round."""

from marl_comm.algorithms.algorithm import Algorithm
from marl_comm.algorithms.base_policy_prediction import BasePolicyPrediction
from marl_comm.algorithms.current_policy import CurrentPolicy

__all__ = ["Algorithm", "BasePolicyPrediction", "CurrentPolicy"]
