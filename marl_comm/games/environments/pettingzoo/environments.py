"""Any parallel environment of PettingZoo, by import path."""

import importlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from marl_comm.arrays import AnyArray, BoolArray, IntArray
from marl_comm.errors import InputError
from marl_comm.games.environments.environments import Situation, Step, info_name
from marl_comm.games.environments.spec import Spec

_LARGEST_SEED = 2**31


class ParallelEnvironments:
    """Copies of a PettingZoo environment for each seed. Agents may leave before the episode ends.

    Attributes:
        spec: Who acts, on what, with which choices.
        copies: Per seed.
    """

    def __init__(
        self,
        path: str,
        arguments: Mapping[str, Any],
        randoms: Sequence[np.random.Generator],
        copies: int,
    ) -> None:
        """Make all copies.

        Args:
            path: MODULE:FUNCTION, or a module that has `parallel_env`.
            arguments: Of the function.
            randoms: Each seed's stream.
            copies: Per seed.

        Raises:
            InputError: There is no such function, or its environment's spaces are not supported.
        """
        make = _function(path)
        try:
            self._worlds = [[make(**arguments) for _ in range(copies)] for _ in randoms]
        except (TypeError, AssertionError, ValueError) as error:
            raise InputError(
                f"game.environment={path} game.arguments={dict(arguments)}: {error}"
            ) from error
        self.copies = copies
        self._randoms = randoms
        first = self._worlds[0][0]
        self._actions = [first.action_space(agent) for agent in first.possible_agents]
        self._seen = [first.observation_space(agent) for agent in first.possible_agents]
        self.spec = _spec(path, first.possible_agents, self._seen, self._actions)
        shape = (len(randoms), len(self.spec.agents), copies)
        self._observations = np.zeros((*shape, self.spec.largest_observation), dtype=np.float32)
        self._alive = np.zeros(shape, dtype=np.bool_)
        self._over = np.ones((len(randoms), copies), dtype=np.bool_)

    def situation(self, seed_rows: IntArray, *, afresh: bool = False) -> Situation:
        """Return where the copies of the given seeds stand."""
        began = np.ones_like(self._over[seed_rows]) if afresh else self._over[seed_rows]
        for position, copy in zip(*np.nonzero(began), strict=True):
            row = int(seed_rows[position])
            seed = int(self._randoms[row].integers(_LARGEST_SEED))
            seen, _ = self._worlds[row][copy].reset(seed=seed)
            self._note(row, copy, seen)
            self._over[row, copy] = False
        return Situation(
            torch.from_numpy(self._observations[seed_rows]),
            torch.from_numpy(self._alive[seed_rows]),
            torch.from_numpy(began),
        )

    def step(self, seed_rows: IntArray, actions: Tensor) -> Step:
        """Play a joint action in every copy of the given seeds."""
        shape = (len(seed_rows), len(self.spec.agents), self.copies)
        rewards = np.zeros(shape, dtype=np.float32)
        terminated = np.zeros((len(seed_rows), self.copies), dtype=np.bool_)
        chosen = actions.cpu().numpy()
        figures: dict[str, AnyArray] = defaultdict(lambda: np.full(terminated.shape, np.nan))
        for position, row in enumerate(seed_rows):
            for copy, world in enumerate(self._worlds[row]):
                moves = {
                    agent: self._move(i, chosen[position, i, copy])
                    for i, agent in enumerate(self.spec.agents)
                    if self._alive[row, i, copy]
                }
                seen, gained, _, truncations, infos = world.step(moves)
                for i, agent in enumerate(self.spec.agents):
                    rewards[position, i, copy] = gained.get(agent, 0.0)
                self._note(row, copy, seen)
                self._over[row, copy] = not world.agents
                terminated[position, copy] = not world.agents and not any(truncations.values())
                for name, figure in _means(infos).items():
                    figures[name][position, copy] = figure
        return Step(
            torch.from_numpy(rewards),
            torch.from_numpy(self._over[seed_rows]),
            torch.from_numpy(terminated),
            torch.from_numpy(self._observations[seed_rows]),
            {name: torch.from_numpy(values) for name, values in figures.items()},
        )

    def frame(self) -> AnyArray:
        """Return a picture of the first seed's first copy, (height, width, 3), uint8.

        Raises:
            InputError: The environment does not give pictures.
        """
        picture = self._worlds[0][0].render()
        if not isinstance(picture, np.ndarray):
            raise InputError(
                "game.arguments: the environment gives no pictures; many need "
                "+game.arguments.render_mode=rgb_array when they are trained"
            )
        return picture

    def _note(self, row: int, copy: int, seen: Mapping[str, Any]) -> None:
        """Remember what agents see; one that has left sees nothing."""
        self._observations[row, :, copy] = 0.0
        present = set(self._worlds[row][copy].agents)
        for i, agent in enumerate(self.spec.agents):
            self._alive[row, i, copy] = agent in present
            if agent in seen:
                flat = np.asarray(spaces.flatten(self._seen[i], seen[agent]))
                self._observations[row, i, copy, : len(flat)] = flat

    def _move(self, agent: int, action: AnyArray) -> Any:
        space = self._actions[agent]
        if isinstance(space, spaces.Discrete):
            return int(action) + int(space.start)
        size = self.spec.action_sizes[agent]
        share = 0.5 * (np.clip(action[:size], -1.0, 1.0) + 1.0).reshape(space.shape)
        return (space.low + share * (space.high - space.low)).astype(space.dtype)


def _function(path: str) -> Any:
    name, _, function = path.partition(":")
    try:
        return getattr(importlib.import_module(name), function or "parallel_env")
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"game.environment={path}: cannot be imported ({error}); allowed: MODULE:FUNCTION, or "
            "a module that has parallel_env"
        ) from error


def _spec(
    path: str,
    agents: Sequence[str],
    seen: Sequence[spaces.Space[Any]],
    actions: Sequence[spaces.Space[Any]],
) -> Spec:
    discrete = all(isinstance(space, spaces.Discrete) for space in actions)
    bounded = all(_bounded_box(space) for space in actions)
    if not discrete and not bounded:
        raise InputError(
            f"game.environment={path}: its agents' actions must be all Discrete, or all Box with "
            "finite limits"
        )
    if not all(space.is_np_flattenable for space in seen):
        raise InputError(f"game.environment={path}: its observations have no fixed size")
    sizes = [
        int(space.n) if isinstance(space, spaces.Discrete) else spaces.flatdim(space)
        for space in actions
    ]
    return Spec(
        tuple(agents), tuple(spaces.flatdim(space) for space in seen), tuple(sizes), discrete
    )


def _means(infos: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return finite numbers in the agents' infos by name, means over the agents that have them."""
    given: dict[str, list[float]] = {}
    for info in infos.values():
        for name, figure in info.items():
            number = np.asarray(figure)
            if number.size == 1 and number.dtype.kind in "biuf" and np.isfinite(number).all():
                given.setdefault(info_name(name), []).append(float(number.item()))
    return {name: sum(numbers) / len(numbers) for name, numbers in given.items()}


def _bounded_box(space: spaces.Space[Any]) -> bool:
    if not isinstance(space, spaces.Box):
        return False
    finite: BoolArray = np.isfinite(space.low) & np.isfinite(space.high)
    return bool(finite.all())
