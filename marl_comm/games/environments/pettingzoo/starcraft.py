"""SMAC and SMACv2, for whoever has StarCraft II: their wrapper in the terms of PettingZoo today.

The wrapper of both packages, `env.pettingzoo.StarCraft2PZEnv`, speaks PettingZoo of 2021: four
values a step, spaces of gym, a name of PettingZoo's that is gone. It tells neither who has won
nor whether a battle was cut off; the game below it knows.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from marl_comm.games.environments.observations import MASK


def smac(**arguments: Any) -> "Battle":
    """Return a map of SMAC, such as `map_name="3m"`."""
    return Battle("smac", arguments)


def smacv2(**arguments: Any) -> "Battle":
    """Return a map of SMACv2, such as `map_name="10gen_terran"`."""
    return Battle("smacv2", arguments)


class Battle:
    """A battle. Units that die leave it; all of the team gain the same, the dead too.

    Attributes:
        possible_agents: Units, as the wrapper names them.
        agents: Those that live, until the battle is over.
    """

    def __init__(self, package: str, arguments: Mapping[str, Any]) -> None:
        """Start the game.

        Args:
            package: `smac` or `smacv2`.
            arguments: Of the wrapper, which hands them on to `StarCraft2Env`.

        Raises:
            ImportError: The package is not installed.
        """
        conversions: Any = importlib.import_module("pettingzoo.utils.conversions")
        if not hasattr(conversions, "from_parallel_wrapper"):
            # The wrapper imports it by the name that it had.
            conversions.from_parallel_wrapper = conversions.parallel_to_aec
        module = importlib.import_module(f"{package}.env.pettingzoo.StarCraft2PZEnv")
        self._wrapped: Any = module.parallel_env(**arguments)
        self._seeded = False
        self.possible_agents = list(self._wrapped.possible_agents)
        self.agents: list[str] = []

    @property
    def unwrapped(self) -> Any:
        """The game itself."""
        return self._wrapped.env

    def observation_space(self, agent: str) -> Any:
        """Return what a unit can see, and its mask."""
        declared = self._wrapped.observation_spaces[agent]
        size = declared["observation"].shape[0]
        return spaces.Dict(
            {
                "observation": spaces.Box(-np.inf, np.inf, (size,), np.float32),
                MASK: spaces.Box(0, 1, (self.action_space(agent).n,), np.int8),
            }
        )

    def action_space(self, agent: str) -> Any:
        """Return what a unit can do."""
        return spaces.Discrete(int(self._wrapped.action_spaces[agent].n))

    def reset(self, seed: int | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin a battle. Only the first is seeded: for that the game is started anew."""
        if seed is not None and not self._seeded:
            self._wrapped.seed(seed)
            self._seeded = True
        given = self._wrapped.reset()
        seen = given[0] if isinstance(given, tuple) else given
        self.agents = list(self.possible_agents)
        return dict(seen), {name: {} for name in self.agents}

    def step(self, actions: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
        """Play a step."""
        acting = self.agents
        seen, gained, *flags, _ = self._wrapped.step(dict(actions))
        gone = {name: any(kind[name] for kind in flags) for name in acting}
        dead = {name: not np.any(seen[name][MASK]) for name in acting}
        game = self.unwrapped
        over, decided = all(gone.values()), game.win_counted or game.defeat_counted
        self.agents = [name for name in acting if not gone[name]]
        won = {"won": float(game.win_counted)} if over else {}
        return (
            {name: seen[name] for name in acting},
            dict.fromkeys(self.possible_agents, float(gained[acting[0]])),
            {name: gone[name] and (dead[name] or decided) for name in acting},
            {name: gone[name] and not (dead[name] or decided) for name in acting},
            dict.fromkeys(acting, won),
        )

    def close(self) -> None:
        """End the game."""
        self._wrapped.close()
