"""What an agent is told of the game before it plays: sizes, and nothing of its rewards."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from marl_comm.agents.packing import Shape
from marl_comm.experience.shared_buffer import action_type
from marl_comm.games.game import TabularGame
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.over_time.player import MarkovFormGame

_REWARD = np.dtype(np.float32)


@dataclass(frozen=True)
class Form:
    """The sizes of a game.

    Attributes:
        agents: m.
        actions: A, of each agent.
        common_reward: Whether the team shares one reward.
        states: S; None for one-shot games.
        steps: T, of an episode; 1 for one-shot games.
        layers: L, policies of an agent for each state.
        discount: As in `games.over_time.rules.MarkovGame`.
    """

    agents: int
    actions: int
    common_reward: bool
    states: int | None = None
    steps: int = 1
    layers: int = 1
    discount: float | None = None

    @classmethod
    def of(cls, game: TabularGame) -> Self:
        """Return the form of a game."""
        if isinstance(game, NormalFormGame):
            rules = game.rules
            return cls(rules.agents, rules.actions, rules.common_reward)
        assert isinstance(game, MarkovFormGame)
        moves = game.rules
        return cls(
            moves.agents,
            moves.actions,
            moves.common_reward,
            moves.states,
            moves.steps,
            moves.layers,
            moves.discount,
        )

    def plain(self) -> dict[str, Any]:
        """Return it for the message that starts an agent."""
        return asdict(self)

    @property
    def log_policy_shape(self) -> tuple[int, ...]:
        """Of one seed's policies."""
        if self.states is None:
            return self.agents, self.actions
        return self.layers, self.states, self.agents, self.actions

    def written_by_each(self, rows: int, samples: int) -> list[Shape]:
        """Return what each agent writes in a round: its actions, and its rewards if its own.

        Args:
            rows: Seeds that communicate.
            samples: Joint actions of each.
        """
        played = self._played(rows, samples)
        actions = Shape(played, action_type(self.actions))
        return [actions] if self.common_reward else [actions, Shape(played, _REWARD)]

    def written_once(self, rows: int, samples: int) -> list[Shape]:
        """Return what is written for everybody: states, and rewards if the team's."""
        found = []
        if self.states is not None:
            recorded = self.steps + (self.discount is not None)
            sizes = (rows, recorded, samples // self.steps)
            found.append(Shape(sizes, action_type(self.states)))
        if self.common_reward:
            found.append(Shape(self._played(rows, samples), _REWARD))
        return found

    def own_rewards(self, rows: int, samples: int) -> list[Shape]:
        """Return what the world tells each agent alone when all have played."""
        return [] if self.common_reward else [Shape(self._played(rows, samples), _REWARD)]

    def uniforms(self, rows: int, samples: int) -> list[Shape]:
        """Return the draws that decide the actions of one agent."""
        return [Shape(self._played(rows, samples), np.dtype(np.float64))]

    def _played(self, rows: int, samples: int) -> tuple[int, ...]:
        if self.states is None:
            return rows, samples
        return rows, self.steps, samples // self.steps
