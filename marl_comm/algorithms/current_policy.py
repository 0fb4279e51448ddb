"""Collect with the current policy: full communication, importance sampling and stale data."""

from marl_comm.arrays import IntArray
from marl_comm.experience import BasePolicies
from marl_comm.learners.npg import NaturalPolicyGradient


class CurrentPolicy:
    """The base policy is the current policy at the start of the round.

    Full communication, importance sampling and stale data share this plan. They differ in how
    long a round lasts (one local update for full communication) and in whether the learner
    reweighs its data (stale data are used as if they came from the current policy).
    """

    def plan(self, learner: NaturalPolicyGradient, rows: IntArray) -> BasePolicies:
        """Return the current policies of the given rows as the only base."""
        return BasePolicies.current(learner.log_policy[rows])
