"""Communication: when a round happens, how many are allowed, and what they cost."""

from marl_comm.communication.budget import Budget
from marl_comm.communication.ledger import Ledger
from marl_comm.communication.schedules import Adaptive, Missing, Periodic, Schedule, Unlimited

__all__ = ["Adaptive", "Budget", "Ledger", "Missing", "Periodic", "Schedule", "Unlimited"]
