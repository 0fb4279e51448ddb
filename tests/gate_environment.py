"""A small PettingZoo environment for the gate: its agents differ, and leave one after the other."""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv


class Dwindling(ParallelEnv):
    """Agent i is there for i + 3 steps and is paid for acting as its last observation says."""

    metadata: ClassVar = {"name": "dwindling"}

    def __init__(self, continuous=False, truncated=False):
        self.possible_agents = ["first", "second", "third"]
        self.agents = []
        self.render_mode = None
        self.continuous = continuous
        self.truncated = truncated

    @lru_cache  # noqa: B019
    def observation_space(self, agent):
        return Box(-np.inf, np.inf, (self.possible_agents.index(agent) + 1,), np.float32)

    @lru_cache  # noqa: B019
    def action_space(self, agent):
        number = self.possible_agents.index(agent)
        return Box(-1.0, 2.0, (number + 1,), np.float32) if self.continuous else Discrete(3)

    def reset(self, seed=None, options=None):
        self.random = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)
        self.time = 0
        return self._look(), {agent: {} for agent in self.agents}

    def step(self, actions):
        present = self.agents
        wanted = {agent: round(abs(float(self.seen[agent][0]))) % 3 for agent in present}
        rewards = {a: -abs(float(np.mean(actions[a])) - wanted[a]) for a in present}
        self.time += 1
        leaving = {a: self.time >= self.possible_agents.index(a) + 3 for a in present}
        staying = dict.fromkeys(present, False)
        infos = {agent: {"wanted": wanted[agent]} for agent in present}
        seen = self._look()
        self.agents = [agent for agent in present if not leaving[agent]]
        ends = (staying, leaving) if self.truncated else (leaving, staying)
        return seen, rewards, *ends, infos

    def _look(self):
        self.seen = {
            agent: self.random.standard_normal(self.observation_space(agent).shape).astype("f4")
            for agent in self.agents
        }
        return self.seen
