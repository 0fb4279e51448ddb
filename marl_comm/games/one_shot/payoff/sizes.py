"""The sizes of a payoff table, checked before any of it is held in memory."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from marl_comm.config.memory import available_bytes, gib
from marl_comm.games.one_shot.joint_table import LARGEST_TABLES

_MOST = 1000  # agents and actions


class UnusableError(Exception):
    """Why a file is no game: the end of a line that begins with its name."""


class Sizes(NamedTuple):
    """What a table is for.

    Attributes:
        agents: m.
        actions: A.
        own: Whether there is a payoff for each agent, and not one for the team.
    """

    agents: int
    actions: int
    own: bool


def checked(actions: Sequence[int], *, own: bool) -> Sizes:
    """Return the sizes of a table, given every agent's number of actions.

    Raises:
        UnusableError: No game here may have these sizes.
    """
    agents = len(actions)
    if not 2 <= agents <= _MOST:
        raise UnusableError(f"it is for {agents} agents; allowed are 2 to {_MOST}")
    if len(set(actions)) > 1:
        raise UnusableError(
            f"its agents have {_listed(actions)} actions, and all must have equally many; repeat "
            "an action of those who have fewer, which leaves values and Nash gaps as they are"
        )
    if not 2 <= actions[0] <= _MOST:
        raise UnusableError(f"each agent has {actions[0]} actions; allowed are 2 to {_MOST}")
    needed, allowed = 8 * prod(actions) * (agents if own else 1), LARGEST_TABLES
    if needed > min(allowed, available_bytes()):
        raise UnusableError(
            f"its payoffs for {agents} agents with {actions[0]} actions would take "
            f"{gib(needed)}; allowed are {gib(min(allowed, available_bytes()))}"
        )
    return Sizes(agents, actions[0], own)


def _listed(actions: Sequence[int]) -> str:
    return ", ".join(map(str, actions[:8])) + (", ..." if len(actions) > 8 else "")
