"""Multi-particle environments of the package mpe2: its own worlds, without its wrappers.

One stock environment steps the worlds of all copies in turn: physics, rewards and observations are
those of mpe2, while the turn-taking of PettingZoo's wrappers is left out.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pygame
import torch
from gymnasium.spaces import Discrete
from gymnasium.utils import seeding
from torch import Tensor

from marl_comm.arrays import AnyArray, BoolArray, IntArray
from marl_comm.games.environments.environments import Situation, Step, nothing_masked
from marl_comm.games.environments.spec import Spec

LARGEST_SEED = 2**31


class ParticleEnvironments:
    """Copies of one mpe2 environment for each seed.

    Attributes:
        spec: Who acts, on what, with which choices.
        copies: Per seed.
    """

    def __init__(
        self,
        name: str,
        arguments: Mapping[str, Any],
        randoms: Sequence[np.random.Generator],
        copies: int,
    ) -> None:
        """Make all copies.

        Args:
            name: Such as "simple_spread".
            arguments: Of mpe2's constructor.
            randoms: Each seed's stream.
            copies: Per seed.
        """
        module = importlib.import_module(f"mpe2.{name}.{name}")
        self._stock = module.raw_env(**arguments)
        self._stock.reset(seed=0)  # only afterwards does it hold rewards
        self.copies = copies
        self._count_collisions = name == "simple_spread"
        self._continuous = self._stock.continuous_actions
        self.spec = Spec(
            agents=tuple(self._stock.possible_agents),
            observation_sizes=tuple(
                space.shape[0] for space in self._stock.observation_spaces.values()
            ),
            action_sizes=tuple(
                int(space.n) if isinstance(space, Discrete) else space.shape[0]
                for space in self._stock.action_spaces.values()
            ),
            discrete=not self._continuous,
        )
        self._randoms = randoms
        world_arguments = [arguments["N"]] if "N" in arguments else []
        self._worlds = [
            [self._stock.scenario.make_world(*world_arguments) for _ in range(copies)]
            for _ in randoms
        ]
        shape = (len(randoms), copies)
        self._steps = np.zeros(shape, dtype=np.int64)
        self._over = np.ones(shape, dtype=np.bool_)
        sizes = (len(self.spec.agents), copies, self.spec.largest_observation)
        self._observations = np.zeros((len(randoms), *sizes), dtype=np.float32)

    def situation(self, seed_rows: IntArray, *, afresh: bool = False) -> Situation:
        """Return where the copies of the given seeds stand."""
        over = np.ones_like(self._over[seed_rows]) if afresh else self._over[seed_rows]
        self._restart(seed_rows, over)
        observations = torch.from_numpy(self._observations[seed_rows])
        alive = torch.ones(observations.shape[:3], dtype=torch.bool)
        return Situation(observations, alive, torch.from_numpy(over), nothing_masked(alive))

    def step(self, seed_rows: IntArray, actions: Tensor) -> Step:
        """Play a joint action in every copy of the given seeds."""
        stock, names = self._stock, self.spec.agents
        rewards = np.empty((len(seed_rows), len(names), self.copies), dtype=np.float32)
        terminated = np.zeros((len(seed_rows), self.copies), dtype=np.bool_)
        moves = self._moves(actions)
        for position, row in enumerate(seed_rows):
            for copy, world in enumerate(self._worlds[row]):
                stock.world = world
                stock.current_actions = moves[position][copy]
                stock._execute_world_step()
                rewards[position, :, copy] = [stock.rewards[name] for name in names]
                terminated[position, copy] = stock.scenario.is_terminal(world)
                self._observe(row, copy)
        self._steps[seed_rows] += 1
        ended = terminated | (self._steps[seed_rows] >= stock.max_cycles)
        self._over[seed_rows] = ended
        observations = self._observations[seed_rows]
        return Step(
            torch.from_numpy(rewards),
            torch.from_numpy(ended),
            torch.from_numpy(terminated),
            torch.from_numpy(observations),
            self._figures(observations),
        )

    def frame(self) -> AnyArray:
        """Return a picture of the first seed's first copy, (height, width, 3), uint8."""
        self._stock.world = self._worlds[0][0]
        if self._steps[0, 0] == 0:
            places = [entity.state.p_pos for entity in self._stock.world.entities]
            self._stock.original_cam_range = np.abs(places).max()
        self._stock.draw()
        return np.asarray(pygame.surfarray.array3d(self._stock.screen)).transpose(1, 0, 2)

    def close(self) -> None:
        """Close what was drawn on."""
        self._stock.close()

    def _moves(self, actions: Tensor) -> list[list[list[Any]]]:
        """Return actions as mpe2 takes them: by row, copy and agent."""
        if not self._continuous:
            moves: list[list[list[Any]]] = actions.transpose(1, 2).tolist()
            return moves
        # mpe2's ranges are all [0, 1].
        scaled = (0.5 * (actions.clamp(-1.0, 1.0) + 1.0)).cpu().numpy().astype(np.float32)
        sizes = self.spec.action_sizes
        return [
            [[row[i, copy, :size] for i, size in enumerate(sizes)] for copy in range(self.copies)]
            for row in scaled
        ]

    def _restart(self, seed_rows: IntArray, where: BoolArray) -> None:
        """Start new episodes in the copies that `where`, (rows, copies), says."""
        for position, copy in zip(*np.nonzero(where), strict=True):
            row = seed_rows[position]
            random, _ = seeding.np_random(int(self._randoms[row].integers(LARGEST_SEED)))
            self._stock.scenario.reset_world(self._worlds[row][copy], random)
            self._steps[row, copy] = 0
            self._over[row, copy] = False
            self._observe(row, copy)

    def _observe(self, row: int, copy: int) -> None:
        world = self._worlds[row][copy]
        for i, agent in enumerate(world.agents):
            seen = self._stock.scenario.observation(agent, world)
            self._observations[row, i, copy, : len(seen)] = seen

    def _figures(self, observations: AnyArray) -> dict[str, Tensor]:
        """Return how many pairs collide, (rows, copies), where there is such a thing."""
        if not self._count_collisions:
            return {}
        agent = self._worlds[0][0].agents[0]
        places = observations[..., 2:4].astype(np.float64)
        apart = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)
        pairs = np.triu_indices(places.shape[1], k=1)
        colliding = (apart[:, *pairs] < 2 * agent.size).sum(axis=1)
        return {"collisions": torch.from_numpy(colliding).double()}
