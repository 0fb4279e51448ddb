"""A PettingZoo environment that now and then gives infinite rewards."""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv


class Outbreak(ParallelEnv):
    """Two agents, episodes of four steps; rewards are infinite in one episode in `rarity`."""

    metadata: ClassVar = {"name": "outbreak"}

    def __init__(self, rarity):
        self.possible_agents = ["a", "b"]
        self.agents = []
        self.render_mode = None
        self.rarity = rarity

    @lru_cache  # noqa: B019
    def observation_space(self, agent):
        return Box(-1.0, 1.0, (2,), np.float32)

    @lru_cache  # noqa: B019
    def action_space(self, agent):
        return Discrete(3)

    def reset(self, seed=None, options=None):
        self.random = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)
        self.bad = seed % self.rarity == 0
        self.time = 0
        return self._seen(), {agent: {} for agent in self.agents}

    def step(self, actions):
        self.time += 1
        reward = np.inf if self.bad else float(actions["a"] == actions["b"])
        over = dict.fromkeys(self.agents, self.time >= 4)
        nothing = dict.fromkeys(self.agents, False)
        rewards = dict.fromkeys(self.agents, reward)
        infos = {agent: {} for agent in self.agents}
        seen = self._seen()
        if self.time >= 4:
            self.agents = []
        return seen, rewards, over, nothing, infos

    def _seen(self):
        return {a: self.random.uniform(-1, 1, 2).astype(np.float32) for a in self.possible_agents}
