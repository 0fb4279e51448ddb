"""A team environment of Gymnasium in the terms of PettingZoo."""

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import load_env_creator, spec

# What limits an episode's steps in these packages: a limit that they would take for an end of its
# own. Here it is set beyond reach, and the steps are counted outside.
_LIMITS: Mapping[str, Mapping[str, Any]] = {
    "lbforaging": {"max_episode_steps": 10**9},
    "rware": {"max_steps": None},
}


class Team:
    """All agents act at each step until the episode is over for everybody.

    Attributes:
        possible_agents: Names, in the order of the environment's tuples.
        agents: All of them until the episode is over.
    """

    def __init__(
        self, package: str, environment: str, max_steps: int, arguments: Mapping[str, Any]
    ) -> None:
        """Make the environment.

        Args:
            package: Registers the environment when it is imported.
            environment: Its name in Gymnasium's registry.
            max_steps: Steps after which an episode is cut off.
            arguments: Of the environment, over those that it is registered with.

        Raises:
            TypeError: Its spaces are no tuples.
        """
        importlib.import_module(package)
        registered: Any = spec(environment)
        make = load_env_creator(registered.entry_point)
        self._world: Any = make(**{**registered.kwargs, **arguments, **_LIMITS[package]})
        seen, done = self._world.observation_space, self._world.action_space
        if not isinstance(seen, spaces.Tuple) or not isinstance(done, spaces.Tuple):
            raise TypeError(f"{environment} has the spaces {seen} and {done}, no tuples")
        self._seen, self._done = seen, done
        self._max_steps, self._time = max_steps, 0
        self.possible_agents = [f"agent_{i}" for i in range(len(self._seen))]
        self.agents: list[str] = []

    @property
    def unwrapped(self) -> Any:
        """The environment itself."""
        return self._world

    def observation_space(self, agent: str) -> Any:
        """Return what an agent can see."""
        return self._seen[self.possible_agents.index(agent)]

    def action_space(self, agent: str) -> Any:
        """Return what an agent can do."""
        return self._done[self.possible_agents.index(agent)]

    def reset(self, seed: int | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode."""
        seen, info = self._world.reset(seed=seed)
        self.agents, self._time = list(self.possible_agents), 0
        return self._by_agent(seen), dict.fromkeys(self.agents, info)

    def step(self, actions: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
        """Play a step."""
        agents = self.possible_agents
        seen, rewards, over, cut_off, info = self._world.step(
            tuple(actions[agent] for agent in agents)
        )
        self._time += 1
        cut_off = cut_off or self._time >= self._max_steps
        if over or cut_off:
            self.agents = []
        return (
            self._by_agent(seen),
            self._by_agent(rewards),
            dict.fromkeys(agents, over),
            dict.fromkeys(agents, cut_off),
            dict.fromkeys(agents, info),
        )

    def render(self) -> Any:
        """Return a picture."""
        return np.asarray(self._world.render(mode="rgb_array"))

    def close(self) -> None:
        """Close the environment."""
        self._world.close()

    def _by_agent(self, values: Any) -> dict[str, Any]:
        return dict(zip(self.possible_agents, values, strict=True))
