"""What a communication round leaves in every agent's hands, and what can be estimated from it."""

from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.estimation import Estimation
from marl_comm.experience.experience import Experience, Staleness, Traffic

__all__ = ["BasePolicies", "Estimation", "Experience", "Staleness", "Traffic"]
