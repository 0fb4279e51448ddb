"""What the loop, the algorithms and `evaluate` ask of a learner of networks."""

from collections.abc import Mapping
from typing import Protocol

from marl_comm.arrays import AnyArray
from marl_comm.experience.network_bases import NetworkBases, Round
from marl_comm.games.environments.players import Behaviours, Policies
from marl_comm.learners.learner import Learner, NetworkLearner


class LearnerOfNetworks(
    Learner[NetworkBases, Behaviours, Round, Policies], NetworkLearner, Protocol
):
    """Holds the networks of every active seed."""

    def policy_with(self, arrays: Mapping[str, AnyArray]) -> Policies:
        """Return the policies whose arrays a run has left, as `final_arrays` names them."""
