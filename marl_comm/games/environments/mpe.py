"""Multi-particle environments of the package mpe2: its own worlds, without its wrappers.

One stock environment steps the worlds of all copies in turn: physics, rewards and observations are
those of mpe2, while the turn-taking of PettingZoo's wrappers is left out.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Discrete
from gymnasium.utils import seeding
from torch import Tensor

from marl_comm.games.environments.base import Situation, Step
from marl_comm.games.environments.spec import Spec
from marl_comm.randomness import generator
from marl_comm.types import AnyArray, IntArray

VERSIONS = {"simple_spread": "v3", "simple_reference": "v3", "simple_speaker_listener": "v4"}
_LARGEST_SEED = 2**31


class ParticleEnvironments:
    """Copies of one mpe2 environment for each seed; each copy has its own random stream."""

    def __init__(
        self,
        name: str,
        arguments: Mapping[str, Any],
        seeds: Sequence[int],
        copies: int,
        purpose: str,
    ) -> None:
        """Make and start all copies.

        Args:
            name: Such as "simple_spread".
            arguments: Of mpe2's constructor.
            seeds: The seeds of the run.
            copies: Per seed.
            purpose: Names the random streams.
        """
        module = importlib.import_module(f"mpe2.{name}.{name}")
        self._stock = module.raw_env(**arguments)
        self._stock.reset(seed=0)  # only afterwards does it hold rewards
        self.copies = copies
        self._count_collisions = name == "simple_spread"
        self._continuous = self._stock.continuous_actions
        spaces = self._stock.action_spaces.values()
        self.spec = Spec(
            agents=tuple(self._stock.possible_agents),
            observation_sizes=tuple(
                space.shape[0] for space in self._stock.observation_spaces.values()
            ),
            action_sizes=tuple(
                int(space.n) if isinstance(space, Discrete) else space.shape[0] for space in spaces
            ),
            discrete=not self._continuous,
        )
        world_arguments = [arguments["N"]] if "N" in arguments else []
        self._worlds: list[list[Any]] = []
        self._randoms: list[list[np.random.Generator]] = []
        for seed in seeds:
            draws = generator(seed, purpose).integers(_LARGEST_SEED, size=copies)
            self._randoms.append([seeding.np_random(int(draw))[0] for draw in draws])
            self._worlds.append(
                [self._stock.scenario.make_world(*world_arguments) for _ in range(copies)]
            )
        self._steps = np.zeros((len(seeds), copies), dtype=np.int64)
        self._restart(np.arange(len(seeds)), np.ones_like(self._steps))

    def begin(self, seed_rows: IntArray, *, afresh: bool = False) -> Situation:
        """Return where the copies of the given seeds stand; `afresh` starts new episodes first."""
        if afresh:
            self._restart(seed_rows, np.ones((len(seed_rows), self.copies)))
        return self._situation(self._observe(seed_rows))

    def step(self, seed_rows: IntArray, actions: Tensor) -> Step:
        """Play a joint action in every copy of the given seeds."""
        stock, scenario = self._stock, self._stock.scenario
        agents = len(self.spec.agents)
        shape = (len(seed_rows), agents, self.copies)
        rewards = np.empty(shape, dtype=np.float32)
        terminated = np.zeros((len(seed_rows), self.copies), dtype=np.bool_)
        moves = self._moves(actions)
        names = self.spec.agents
        for position, row in enumerate(seed_rows):
            for copy, world in enumerate(self._worlds[row]):
                stock.world = world
                stock.current_actions = moves[position][copy]
                stock._execute_world_step()
                rewards[position, :, copy] = [stock.rewards[name] for name in names]
                terminated[position, copy] = scenario.is_terminal(world)
        self._steps[seed_rows] += 1
        ended = terminated | (self._steps[seed_rows] >= stock.max_cycles)
        final_observations = observations = self._observe(seed_rows)
        info = self._figures(observations)
        if ended.any():
            self._restart(seed_rows, ended)
            observations = self._observe(seed_rows)
        return Step(
            torch.from_numpy(rewards),
            torch.from_numpy(ended),
            torch.from_numpy(terminated),
            torch.from_numpy(final_observations),
            self._situation(observations),
            info,
        )

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

    def _observe(self, seed_rows: IntArray) -> AnyArray:
        """Return observations, (rows, agents, copies, largest observation)."""
        scenario = self._stock.scenario
        sizes = self.spec.observation_sizes
        shape = (len(seed_rows), len(sizes), self.copies, self.spec.largest_observation)
        observations = np.zeros(shape, dtype=np.float32)
        for position, row in enumerate(seed_rows):
            for copy, world in enumerate(self._worlds[row]):
                for i, agent in enumerate(world.agents):
                    seen = scenario.observation(agent, world)
                    observations[position, i, copy, : sizes[i]] = seen
        return observations

    def _situation(self, observations: AnyArray) -> Situation:
        alive = torch.ones(observations.shape[:3], dtype=torch.bool)
        return Situation(torch.from_numpy(observations), alive)

    def _restart(self, seed_rows: IntArray, where: AnyArray) -> None:
        """Start new episodes in the copies where `where`, (rows, copies), is not zero."""
        for position, copy in zip(*np.nonzero(where), strict=True):
            row = seed_rows[position]
            self._stock.scenario.reset_world(self._worlds[row][copy], self._randoms[row][copy])
            self._steps[row, copy] = 0

    def _figures(self, observations: AnyArray) -> dict[str, Tensor]:
        """Return colliding pairs and covered landmarks per step, where there are such."""
        if not self._count_collisions:
            return {}
        agent = self._worlds[0][0].agents[0]
        places = observations[..., 2:4].astype(np.float64)
        apart = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)
        pairs = np.triu_indices(places.shape[1], k=1)
        colliding = (apart[:, *pairs] < 2 * agent.size).sum(axis=1).mean(axis=-1)
        return {"collisions": torch.from_numpy(colliding)}
