"""What a PettingZoo environment says that it is: agents, observations, and actions."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from gymnasium import spaces

from marl_comm.arrays import AnyArray, BoolArray, IntArray
from marl_comm.errors import InputError
from marl_comm.games.environments.actions import Actions
from marl_comm.games.environments.foreign import refused
from marl_comm.games.environments.observations import MismatchError, Observations
from marl_comm.games.environments.spec import Spec

_LARGEST_PICTURE = 3072  # numbers, such as 32 times 32 times 3


@dataclass(frozen=True)
class Declared:
    """An environment's agents and their spaces.

    Attributes:
        spaces: By agent, of observations and of actions.
        observations: How to read each agent's.
        actions: How each agent moves.
        spec: All that a learner has to know.
    """

    spaces: dict[str, tuple[Any, Any]]
    observations: tuple[Observations, ...]
    actions: tuple[Actions, ...]
    spec: Spec

    @classmethod
    def by(cls, where: str, world: Any) -> Self:
        """Ask an environment.

        Args:
            where: The setting that names it.
            world: The environment.

        Raises:
            InputError: It does not say, or has spaces that are not supported.
        """
        found = asked(where, world)
        observations = tuple(_observations(where, agent, pair[0]) for agent, pair in found.items())
        actions = tuple(_actions(where, agent, pair[1]) for agent, pair in found.items())
        discrete = bool(actions[0].parts)
        if any(bool(of_agent.parts) != discrete for of_agent in actions):
            raise InputError(
                f"{where}: some agents' actions are choices and others' are numbers; all must be "
                "one or the other"
            )
        several = any(len(of_agent.parts) > 1 for of_agent in actions)
        spec = Spec(
            tuple(found),
            tuple(seen.size for seen in observations),
            tuple(sum(of_agent.parts) or of_agent.numbers for of_agent in actions),
            discrete,
            tuple(of_agent.parts for of_agent in actions) if several else (),
        )
        declared = cls(found, observations, actions, spec)
        return declared.masked(where) if any(seen.masked for seen in observations) else declared

    def masked(self, where: str) -> Self:
        """Return the same with masks.

        Raises:
            InputError: Actions are numbers, which masks cannot be about.
        """
        if not self.spec.discrete:
            raise InputError(f"{where}: has masks of actions that are numbers; only choices can")
        return replace(self, spec=replace(self.spec, masked=True))

    @property
    def limits(self) -> tuple[AnyArray, AnyArray]:
        """The least and the most of all observed numbers, (agents, largest observation)."""
        shape = (len(self.observations), self.spec.largest_observation)
        low, high = np.full(shape, -np.inf, np.float32), np.full(shape, np.inf, np.float32)
        for i, seen in enumerate(self.observations):
            low[i, : seen.size], high[i, : seen.size] = seen.low, seen.high
        return low, high

    @property
    def free_masks(self) -> BoolArray:
        """Masks under which everything is legal, (agents, size of a mask)."""
        if not self.spec.masked:
            return np.zeros((len(self.actions), 0), dtype=np.bool_)
        return self.spec.choices.reshape(len(self.actions), -1)

    @property
    def mask_places(self) -> list[IntArray]:
        """Where each agent's own masks, (sum of its parts,), lie in the common ones."""
        largest = self.spec.choices.shape[2]
        return [
            np.concatenate([part * largest + np.arange(n) for part, n in enumerate(of_agent.parts)])
            for of_agent in self.actions
            if of_agent.parts
        ]


def asked(where: str, world: Any) -> dict[str, tuple[Any, Any]]:
    """Return the spaces of observations and of actions of an environment's agents, by agent.

    Raises:
        InputError: It raises anything, or has no agents, or they have no spaces.
    """
    try:
        agents = list(world.possible_agents)
        pairs = [(world.observation_space(agent), world.action_space(agent)) for agent in agents]
    except BaseException as error:
        raise refused(where, "asking for its agents and their spaces", error) from error
    if not agents or not all(isinstance(agent, str) for agent in agents):
        raise InputError(f"{where}: its possible_agents are {agents}, must be names")
    found = dict(zip(agents, pairs, strict=True))
    if len(found) < len(agents):
        raise InputError(f"{where}: its possible_agents are {agents}, must differ")
    for agent, pair in found.items():
        if not all(isinstance(space, spaces.Space) for space in pair):
            raise InputError(f"{where}: {agent} has the spaces {pair}, must be gymnasium's")
    return found


def _observations(where: str, agent: str, space: Any) -> Observations:
    try:
        seen = Observations(space)
    except MismatchError as error:
        raise InputError(f"{where}: {agent} has {error}") from error
    if seen.size > _LARGEST_PICTURE and isinstance(space, spaces.Box) and len(space.shape) > 1:
        raise InputError(
            f"{where}: {agent} sees pictures of shape {space.shape}, too large for networks "
            f"without convolution (at most {_LARGEST_PICTURE} numbers); name a function of your "
            "own that returns supersuit.resize_v1(supersuit.color_reduction_v0(ENVIRONMENT), 32, "
            "32)"
        )
    return seen


def _actions(where: str, agent: str, space: Any) -> Actions:
    actions = Actions.of(space)
    if actions is None or not (actions.parts or actions.numbers):
        raise InputError(
            f"{where}: {agent} has actions in {space}; allowed are Discrete, MultiDiscrete and "
            "MultiBinary, or Box with finite limits, and tuples of either"
        )
    return actions
