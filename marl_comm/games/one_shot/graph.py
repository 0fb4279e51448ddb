"""Games of pairs on a sparse random graph: many agents with different interests."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.one_shot.rules import TeamGame
from marl_comm.games.one_shot.settings import DrawnOneShotSettings
from marl_comm.options.answers import RunSettings
from marl_comm.randomness import generator


@final
class GraphSettings(DrawnOneShotSettings):
    """Games of pairs, and if so wished of three, on a sparse random graph.

    Attributes:
        degree: How many others each agent draws to play a game of two with.
        triples: How many games of three each agent draws.
        coupling: Largest payoff of such a game, where an agent's own action pays at most 1.
    """

    name: Literal["graph"]
    degree: Annotated[int, Field(ge=0, le=999)]
    triples: Annotated[int, Field(ge=0, le=999)]
    coupling: Annotated[float, Field(gt=0, le=1000)]

    @property
    def rules(self) -> type["Graph"]:
        """`Graph`."""
        return Graph

    def numbers(self, seeds: int) -> int:
        """The payoffs of all games."""
        payoffs = self.actions + self.degree * self.actions**2 + self.triples * self.actions**3
        return (1 if self.shared else seeds) * self.agents * payoffs

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """There must be as many others as an agent draws."""
        most = self.agents - 1
        if self.degree > most:
            yield (
                f"game.degree={self.degree} game.agents={self.agents}: each agent has "
                f"{most} others to draw from; set game.degree to {most} or less"
            )
        if self.triples and most < 2:
            yield (
                f"game.triples={self.triples} game.agents={self.agents}: a game of three needs "
                "three agents; set game.triples=0"
            )


@final
class Graph(TeamGame):
    """Team reward: what all agents' own actions, pairs and triples pay, per agent.

    r(a) = [sum_i h_i(a_i) + sum_e M_e(a_i, a_j) + sum_t T_t(a_i, a_j, a_k)] / (m s), with h
    uniform in [0, 1), M and T uniform in [0, coupling), and s = 1 + coupling (degree + triples),
    which keeps rewards below 1. Only terms that an agent is part of depend on its action, so
    nothing here forms the joint action space.

    Attributes:
        fields: h, (games, m, A).
        pairs: The agents of each pair, (games, m * degree, 2); agent i has drawn the i-th `degree`.
        pair_payoffs: M, (games, m * degree, A, A).
        threes: The agents of each triple, (games, m * triples, 3).
        triple_payoffs: T, (games, m * triples, A, A, A).
    """

    def __init__(
        self,
        agents: int,
        actions: int,
        seeds: Sequence[int],
        *,
        degree: int,
        triples: int,
        coupling: float,
    ) -> None:
        """Draw one game per seed.

        Args:
            agents: m.
            actions: A.
            seeds: One per game; a single one makes a game that every row shares.
            degree: Other agents that each one draws for a game of two, at most m - 1.
            triples: Pairs of other agents that each one draws for a game of three.
            coupling: Largest payoff of a game of two or three.
        """
        super().__init__(agents, actions, seeds)
        self._scale = agents * (1.0 + coupling * (degree + triples))
        parts = [self._draw(seed, degree, triples, coupling) for seed in seeds]
        columns = [np.stack(column) for column in zip(*parts, strict=True)]
        self.fields, self.pair_payoffs, self.triple_payoffs = columns[0::2]
        self.pairs: IntArray = columns[1].astype(np.int64)
        self.threes: IntArray = columns[3].astype(np.int64)

    def _draw(
        self, seed: int, degree: int, triples: int, coupling: float
    ) -> tuple[Array, AnyArray, Array, AnyArray, Array]:
        random, m, size = generator(seed, "game"), self.agents, self.actions
        fields = random.random((m, size))
        pairs = _with_others(random, m, 1, degree)
        payoffs = coupling * random.random((m * degree, size, size))
        threes = _with_others(random, m, 2, triples)
        return fields, pairs, payoffs, threes, coupling * random.random((m * triples, *[size] * 3))

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of the agents' own payoffs; `GraphSettings` counts the others."""
        return agents * actions

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """There are none."""
        yield from ()

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r | a_i], (R, m, A), in O(m A^2), or O(m A^3). See `PotentialGame`."""
        game, row = self.game_of_row(rows), np.arange(len(rows))[:, None]
        policy = np.exp(log_policy)
        own = self.fields[game]  # what depends on each agent's action, the others being averaged
        total = np.einsum("rma,rma->r", policy, own)

        agents, payoffs = self.pairs[game], self.pair_payoffs[game]
        first, second = (policy[row, agents[:, :, place]] for place in range(2))
        to_first = np.einsum("reab,reb->rea", payoffs, second)
        total += np.einsum("rea,rea->r", to_first, first)
        np.add.at(own, (row, agents[:, :, 0]), to_first)
        np.add.at(own, (row, agents[:, :, 1]), np.einsum("reab,rea->reb", payoffs, first))

        agents, payoffs = self.threes[game], self.triple_payoffs[game]
        first, second, third = (policy[row, agents[:, :, place]] for place in range(3))
        averaged = np.einsum("reabc,rec->reab", payoffs, third)
        to_first = np.einsum("reab,reb->rea", averaged, second)
        total += np.einsum("rea,rea->r", to_first, first)
        np.add.at(own, (row, agents[:, :, 0]), to_first)
        np.add.at(own, (row, agents[:, :, 1]), np.einsum("reab,rea->reb", averaged, first))
        averaged = np.einsum("reabc,rea->rebc", payoffs, first)
        np.add.at(own, (row, agents[:, :, 2]), np.einsum("rebc,reb->rec", averaged, second))

        rest = total[:, None] - np.einsum("rma,rma->rm", policy, own)
        return np.asarray((rest[..., None] + own) / self._scale)

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return team rewards, (R, N), in O(N m) per row. See `PotentialGame`."""
        rewards = np.zeros(joint_actions.shape[:2])
        # Row by row, all that is touched stays in cache.
        for row, game in enumerate(self.game_of_row(rows)):
            actions = np.ascontiguousarray(joint_actions[row].T).astype(np.intp)
            for agent, payoff in enumerate(self.fields[game]):
                rewards[row] += payoff.take(actions[agent])
            for agents, payoffs in (
                (self.pairs[game], self.pair_payoffs[game]),
                (self.threes[game], self.triple_payoffs[game]),
            ):
                for those, payoff in zip(agents, payoffs, strict=True):
                    place = np.ravel_multi_index(tuple(actions[those]), payoff.shape)
                    rewards[row] += payoff.take(place)
        return rewards / self._scale

    def arrays(self) -> dict[str, Array]:
        """Return the payoffs as they are in rewards, and whose they are."""
        return {
            "fields": self.fields / self._scale,
            "pairs": self.pairs.astype(np.float64),
            "pair_payoffs": self.pair_payoffs / self._scale,
            "threes": self.threes.astype(np.float64),
            "triple_payoffs": self.triple_payoffs / self._scale,
        }


def _with_others(random: np.random.Generator, agents: int, others: int, draws: int) -> AnyArray:
    """Return each agent with some others, `draws` times, (agents * draws, 1 + others).

    No agent draws the same other twice for games of two.
    """
    groups = np.empty((agents, draws, 1 + others), dtype=np.int64)
    for agent in range(agents):
        groups[agent, :, 0] = agent
        if others == 1:
            drawn = random.choice(agents - 1, size=(draws, 1), replace=False)
        else:
            those = [random.choice(agents - 1, others, replace=False) for _ in range(draws)]
            drawn = np.array(those, dtype=np.int64).reshape(draws, others)
        groups[agent, :, 1:] = drawn + (drawn >= agent)
    return groups.reshape(agents * draws, 1 + others)
