"""The climbing game and the penalty game: two agents who can miss each other at a cost.

Claus & Boutilier, "The dynamics of reinforcement learning in cooperative multiagent systems"
(1998). Rewards are scaled to [0, 1] here.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.arrays import Array
from marl_comm.games.one_shot.joint_table import scaled
from marl_comm.games.one_shot.settings import OneShotSettings
from marl_comm.games.one_shot.team_table import TeamTable
from marl_comm.options.answers import RunSettings

_AGENTS, _ACTIONS = 2, 3


class _TwoAgentsSettings(OneShotSettings):
    """What they share: both are for two agents with three actions."""

    name: str

    @property
    def own_rewards(self) -> bool:
        """No: one team reward."""
        return False

    @property
    def shared(self) -> bool:
        """Yes: nothing is drawn."""
        return True

    @property
    def game_seed(self) -> int | None:
        """None: nothing is drawn."""
        return None

    def numbers(self, seeds: int) -> int:
        """Return the size of the table, which all seeds share."""
        return TwoAgents.numbers(self.agents, self.actions)

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """Its sizes are given."""
        for problem in TwoAgents.problems(self.agents, self.actions, 1):
            yield f"{problem}; game={self.name} leaves no choice, leave both out"


@final
class ClimbingSettings(_TwoAgentsSettings):
    """The climbing game."""

    name: Literal["climbing"]

    def drawn(self, seeds: Sequence[int]) -> "TwoAgents":
        """Return the rules, which all seeds share."""
        return TwoAgents(np.array([[11.0, -30.0, 0.0], [-30.0, 7.0, 6.0], [0.0, 0.0, 5.0]]))


@final
class PenaltySettings(_TwoAgentsSettings):
    """The penalty game.

    Attributes:
        penalty: -k, what it costs if one aims at one optimum and the other at the other.
    """

    name: Literal["penalty"]
    penalty: Annotated[float, Field(ge=0, le=1000)]

    def drawn(self, seeds: Sequence[int]) -> "TwoAgents":
        """Return the rules, which all seeds share."""
        k = -self.penalty
        return TwoAgents(np.array([[10.0, 0.0, k], [0.0, 2.0, 0.0], [k, 0.0, 10.0]]))


@final
class TwoAgents(TeamTable):
    """A team game of two agents with three actions, by its table.

    Before scaling, rows for one agent and columns for the other:

        climbing   11  -30    0        penalty   10    0    k
                  -30    7    6                   0    2    0
                    0    0    5                   k    0   10

    **Climbing:** both playing the first action is best, but whoever tries it alone loses most; both
    playing the second is an equilibrium, too. **Penalty:** there are two optima, and missing one
    for the other costs -k >= 0; both playing the second action is a safe equilibrium.

    Attributes:
        payoff: (1, 3, 3), in [0, 1].
    """

    def __init__(self, rewards: Array) -> None:
        """Set the rules.

        Args:
            rewards: (3, 3), before scaling.
        """
        super().__init__(_AGENTS, _ACTIONS, [0])
        payoff, self._scale = scaled(rewards)
        self.payoff = payoff[None]

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of the table."""
        return int(actions**agents)

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """The sizes must be those of the table."""
        if (agents, actions) != (_AGENTS, _ACTIONS):
            yield (
                f"game.agents={agents} game.actions={actions}: the game is for {_AGENTS} agents "
                f"with {_ACTIONS} actions"
            )

    def arrays(self) -> dict[str, Array]:
        """Return `payoff` (1, 3, 3), and how it was scaled."""
        return super().arrays() | self._scale.arrays()
