"""Congestion that the whole population answers for: crowding sends it into distancing."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.errors import InputError
from marl_comm.games.one_shot.loads import expected_of_others_load, none_above
from marl_comm.games.over_time.rules import OwnRewardsMarkovGame
from marl_comm.games.over_time.settings import OverTimeSettings, Penalty, Steps
from marl_comm.options.answers import RunSettings

_GIB = 2**30
_LARGEST_LOADS = _GIB // 4  # bytes, for one row
SAFE, DISTANCING = 0, 1


@final
class MarkovCongestionSettings(OverTimeSettings):
    """Congestion in two states, discounted.

    Attributes:
        weights: Pay per agent at each facility, for each agent that is there.
        penalty: What the distancing state costs each agent per step, in units of pay.
        discount: Factor on rewards per step.
        episode_steps: Steps of an episode that is played to collect data.
    """

    name: Literal["markov_congestion"]
    weights: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1000)], ...],
        Field(strict=False, min_length=2, max_length=1000),
    ]
    penalty: Penalty
    discount: Annotated[float, Field(gt=0, lt=1)]
    episode_steps: Steps

    @property
    def own_rewards(self) -> bool:
        """Yes."""
        return True

    @property
    def shared(self) -> bool:
        """Yes: nothing is drawn."""
        return True

    @property
    def game_seed(self) -> int | None:
        """None: nothing is drawn."""
        return None

    @property
    def episode_length(self) -> int:
        """The steps of an episode."""
        return self.episode_steps

    @property
    def number_of_states(self) -> int:
        """Safe and distancing."""
        return 2

    @property
    def layers(self) -> int:
        """A single, stationary policy."""
        return 1

    def numbers(self, seeds: int) -> int:
        """Return what following the loads takes for every seed."""
        loads = self.agents**2 * self.actions
        return seeds * (loads + MarkovCongestion.numbers(self.agents, self.actions, 2))

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """Every facility has a weight, and loads can be followed."""
        if len(self.weights) != self.actions:
            weights = ",".join(f"{weight:g}" for weight in self.weights)
            yield (
                f"game.actions={self.actions} game.weights=[{weights}]: every facility needs "
                f"a weight; give {self.actions} weights or set game.actions to {len(self.weights)}"
            )
        yield from _too_many_loads(self.agents, self.actions)

    def drawn(self, seeds: Sequence[int]) -> "MarkovCongestion":
        """Return the rules, which all seeds share."""
        return MarkovCongestion(
            self.agents, self.weights, self.penalty, self.discount, self.episode_steps
        )


@final
class MarkovCongestion(OwnRewardsMarkovGame):
    """Facilities that pay more the fuller they are, until there is a penalty for crowding.

    The game is that of Leonardos, Overman, Panageas & Piliouras (2022), "Global convergence of
    multi-agent policy gradient in Markov potential games", as used by Sun et al. (2023).

    Every agent chooses a facility; one that holds k agents pays each of them w k in the safe
    state, and w k - penalty in the distancing state. Safe becomes distancing when some facility
    holds more than m/2 agents; distancing becomes safe when none holds more than m/4. Both states
    are equally likely to be the first. Discounted, own rewards, stationary policies.

    Rewards are (pay - lowest) / (highest - lowest), with the lowest and the highest pay that the
    rules allow: min w - penalty and m max w. Values are thus in [0, 1 / (1 - discount)].

    Nothing here forms the joint action space, and all seeds share the one game.

    Attributes:
        weights: w, (A,).
        penalty: In units of pay.
    """

    def __init__(
        self,
        agents: int,
        weights: Sequence[float],
        penalty: float,
        discount: float,
        episode_steps: int,
    ) -> None:
        """Set the rules.

        Args:
            agents: m.
            weights: w of each of the A facilities, above 0.
            penalty: What the distancing state costs each agent per step, in units of pay.
            discount: Factor on rewards per step, below 1.
            episode_steps: T, steps of an episode that is played to collect data.

        Raises:
            InputError: The exact figures would take too much memory.
        """
        for problem in _too_many_loads(agents, len(weights)):
            raise InputError(problem)
        start = np.full((1, 2), 0.5)
        super().__init__(agents, len(weights), 2, episode_steps, discount, start)
        self.weights: Array = np.asarray(weights, dtype=np.float64)
        self.penalty = penalty
        self._lowest = self.weights.min() - penalty
        self._unit = agents * self.weights.max() - self._lowest

    @classmethod
    def numbers(cls, agents: int, actions: int, states: int) -> int:
        """Return what following all loads takes."""
        return int(2 * agents * (agents // 4 + 1) ** actions)

    def induced(self, rows: IntArray, log_policy: Array) -> tuple[Array, Array]:
        """Return each agent's rewards and transitions without a joint table. See `MarkovGame`."""
        policy = np.exp(log_policy)
        load = 1.0 + policy.sum(axis=2, keepdims=True) - policy
        rewards = self._scaled(self.weights * load, np.array([SAFE, DISTANCING])[:, None, None])
        transitions = np.empty((*policy.shape, 2))
        transitions[:, SAFE, ..., DISTANCING] = self._crowded(policy[:, SAFE])
        transitions[:, DISTANCING, ..., SAFE] = none_above(self.agents // 4, policy[:, DISTANCING])
        transitions[:, SAFE, ..., SAFE] = 1.0 - transitions[:, SAFE, ..., DISTANCING]
        transitions[:, DISTANCING, ..., DISTANCING] = 1.0 - transitions[:, DISTANCING, ..., SAFE]
        return rewards, transitions

    def move(
        self, rows: IntArray, states: IntArray, joint_actions: AnyArray, uniform: Array
    ) -> tuple[Array, IntArray]:
        """Count loads, in O(m + A) per episode; nothing is left to chance. See `MarkovGame`."""
        episodes = states.size
        choice = joint_actions.reshape(episodes, self.agents).astype(np.int64)
        place = choice + (np.arange(episodes) * self.actions)[:, None]
        load = np.bincount(place.ravel(), minlength=episodes * self.actions)
        pay = (self.weights[choice] * load[place]).reshape(joint_actions.shape)
        fullest = load.reshape(*states.shape, self.actions).max(axis=-1)
        limit = np.where(states == SAFE, self.agents // 2, self.agents // 4)
        next_states = np.where(fullest > limit, DISTANCING, SAFE)
        return self._scaled(pay, states[..., None]), next_states

    def own_figures(self, rows: IntArray, log_policy: Array) -> dict[str, Array]:
        """Return `stage_potential_safe` and `stage_potential_distancing`, each (R,).

        Rosenthal's potential of the one-shot game that each state is, sum_f w_f (1 + ... + load of
        f), in the units of rewards: whoever deviates in one step alone changes it by the change of
        the own reward in that step. No potential of the whole game is known.
        """
        policy = np.exp(log_policy[:, 0])
        mean = policy.sum(axis=2)
        square = mean**2 + (policy * (1.0 - policy)).sum(axis=2)
        potential = (self.weights * 0.5 * (mean + square)).sum(axis=-1) / self._unit
        return {
            "stage_potential_safe": potential[:, SAFE],
            "stage_potential_distancing": potential[:, DISTANCING],
        }

    def arrays(self) -> dict[str, Array]:
        """Return the rules, each with a leading axis of length 1."""
        return {
            "weights": self.weights[None],
            "penalty": np.array([self.penalty], dtype=np.float64),
            "discount": np.array([self.discount], dtype=np.float64),
            "episode_steps": np.array([self.steps], dtype=np.float64),
            "initial_distribution": self.initial_distribution,
        }

    def _crowded(self, policy: Array) -> Array:
        """Return the probability that some facility holds more than m/2 agents, given a choice.

        At most one facility can, so probabilities of the facilities add up. (R, m, A).
        """
        others = np.broadcast_to(np.arange(self.agents), (len(policy), self.actions, self.agents))
        limit = self.agents // 2
        without = expected_of_others_load((others > limit).astype(np.float64), policy)
        including = expected_of_others_load((others + 1 > limit).astype(np.float64), policy)
        return np.asarray(without.sum(axis=-1, keepdims=True) - without + including)

    def _scaled(self, pay: Array, states: IntArray) -> Array:
        return np.asarray((pay - self.penalty * (states == DISTANCING) - self._lowest) / self._unit)


def _too_many_loads(agents: int, facilities: int) -> Iterator[str]:
    """Yield a line where following the loads of all facilities takes too much memory."""
    limit = agents // 4
    needed = 8 * 2 * agents * (limit + 1) ** facilities
    if limit * facilities >= agents and needed > _LARGEST_LOADS:
        yield (
            f"game.agents={agents} game.actions={facilities}: the exact transitions of "
            f"markov_congestion would need {Decimal(needed) / _GIB:.3g} GiB per seed, allowed are "
            f"{_LARGEST_LOADS / _GIB:g} GiB; take fewer agents or facilities"
        )
