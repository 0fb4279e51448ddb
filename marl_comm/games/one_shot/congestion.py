"""Rosenthal's congestion game: every agent picks one resource and pays for its load."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.games.one_shot.loads import expected_of_others_load, load_distributions
from marl_comm.games.one_shot.rules import OwnRewardsGame
from marl_comm.games.one_shot.settings import DrawnOneShotSettings
from marl_comm.randomness import generator


@final
class CongestionSettings(DrawnOneShotSettings):
    """Rosenthal congestion game.

    Attributes:
        own_costs: Share of a resource's cost that is an agent's own, whatever the load.
    """

    name: Literal["congestion"]
    own_costs: Annotated[float, Field(ge=0, le=1)]

    @property
    def rules(self) -> type["Congestion"]:
        """`Congestion`."""
        return Congestion


@final
class Congestion(OwnRewardsGame):
    """Own reward: 1 - (1 - w) c_f(k) - w d_i(f), for agent i on resource f with k - 1 others.

    w is `own_costs`; with 0 all agents are alike. A cost of the agent's own that no load changes
    keeps an exact potential (congestion games with player-specific constants, Mavronicolas,
    Milchtaich, Monien & Tiemann 2007): Rosenthal's of the common costs, minus all own ones, with
    the sign and scale of rewards

        sum_f sum_{k=1}^{load of f} (1 - (1 - w) c_f(k))  -  w sum_i d_i(a_i),    in [0, m].

    Whoever deviates alone changes it by exactly the change of the own reward. Own costs that also
    depend on the load have no such potential in general (Milchtaich 1996). Loads are sums of
    independent choices, so nothing here forms the joint action space.

    Attributes:
        costs: (1 - w) c, (games, A, m); costs[g, f, k - 1] is what each of k agents on f pays,
            nondecreasing in k: c are sorted uniform draws from [0, 1).
        own_costs: w d, (games, m, A), d uniform in [0, 1); None where w is 0.
    """

    def __init__(
        self, agents: int, actions: int, seeds: Sequence[int], *, own_costs: float = 0.0
    ) -> None:
        """Draw one game per seed.

        Args:
            agents: m.
            actions: A, the number of resources, at least 2.
            seeds: One per game; a single one makes a game that every row shares.
            own_costs: w, in [0, 1].
        """
        super().__init__(agents, actions, seeds)
        streams = [generator(seed, "game") for seed in seeds]
        draws = [random.random((actions, agents)) for random in streams]
        self.costs: Array = (1.0 - own_costs) * np.sort(np.stack(draws), axis=-1)
        self.own_costs: Array | None = None
        if own_costs > 0:
            own = [random.random((agents, actions)) for random in streams]
            self.own_costs = own_costs * np.stack(own)

    @classmethod
    def numbers(cls, agents: int, actions: int) -> int:
        """Return the size of its arrays."""
        return agents**2 * actions

    @classmethod
    def problems(cls, agents: int, actions: int, games: int) -> Iterator[str]:
        """There are none."""
        yield from ()

    def marginal_rewards(self, rows: IntArray, log_policy: Array) -> Array:
        """Return E[r_i | a_i], (R, m, A), in O(m^2 A) per row. See `PotentialGame`."""
        games = self.game_of_row(rows)
        marginals = 1.0 - expected_of_others_load(self.costs[games], np.exp(log_policy))
        return marginals if self.own_costs is None else marginals - self.own_costs[games]

    def rewards(self, rows: IntArray, joint_actions: AnyArray) -> Array:
        """Return own rewards, (R, N, m), in O(N (m + A)) per row. See `PotentialGame`."""
        _, samples, agents = joint_actions.shape
        rewards = np.empty(joint_actions.shape)
        first_resource = (np.arange(samples) * self.actions)[:, None]
        # Row by row, all that is touched stays in cache.
        for row, game in enumerate(self.game_of_row(rows)):
            choice = joint_actions[row].astype(np.int64)
            place = choice + first_resource
            load = np.bincount(place.ravel(), minlength=samples * self.actions)
            choice *= agents
            choice += load[place] - 1
            rewards[row] = (1.0 - self.costs[game]).ravel()[choice]
            if self.own_costs is not None:
                rewards[row] -= self.own_costs[game][np.arange(agents), joint_actions[row]]
        return rewards

    def potential(self, rows: IntArray, log_policy: Array) -> Array:
        """Return the potential of rewards, (R,), in [0, m]. See `PotentialGame`."""
        games = self.game_of_row(rows)
        of_loads = self._expected_total(self.costs[games].cumsum(axis=-1), log_policy)
        if self.own_costs is not None:
            of_loads += (np.exp(log_policy) * self.own_costs[games]).sum(axis=-1).sum(axis=-1)
        return self.agents - of_loads

    def arrays(self) -> dict[str, Array]:
        """Return `costs` (games, A, m), and if agents have any, `own_costs` (games, m, A)."""
        own = {} if self.own_costs is None else {"own_costs": self.own_costs}
        return {"costs": self.costs, **own}

    def _expected_total(self, of_load: Array, log_policy: Array) -> Array:
        """Return sum_f E[of_load[:, f, load - 1]], (R,), where an empty resource counts nothing."""
        *_, load = load_distributions(np.exp(log_policy))
        return np.asarray((load[..., 1:] * of_load).sum(axis=-1).sum(axis=-1))
