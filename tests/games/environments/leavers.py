"""A PettingZoo environment whose agents differ, and leave one after the other."""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv


class Leavers(ParallelEnv):
    """Agent i leaves after i + 2 steps; rewards are its action times ten to the i."""

    metadata: ClassVar = {"name": "leavers"}

    def __init__(self, agents=3, truncate=False, continuous=False):
        self.possible_agents = [f"a{i}" for i in range(agents)]
        self.agents = []
        self.truncate = truncate
        self.continuous = continuous
        self.render_mode = None

    @lru_cache  # noqa: B019
    def observation_space(self, agent):
        i = self.possible_agents.index(agent)
        return Discrete(4) if i == 0 else Box(-np.inf, np.inf, (i, 2), np.float32)

    @lru_cache  # noqa: B019
    def action_space(self, agent):
        i = self.possible_agents.index(agent)
        if self.continuous:
            return Box(-2.0, 6.0, (i + 1,), np.float32)
        return Discrete(i + 2, start=i)

    def reset(self, seed=None, options=None):
        self.random = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)
        self.time = 0
        return {agent: self.seen(agent) for agent in self.agents}, {a: {} for a in self.agents}

    def seen(self, agent):
        i = self.possible_agents.index(agent)
        if i == 0:
            return int(self.random.integers(4))
        return self.random.standard_normal((i, 2)).astype(np.float32)

    def step(self, actions):
        assert set(actions) == set(self.agents)
        self.time += 1
        playing = self.agents
        rewards = {a: float(np.sum(actions[a])) * 10.0 ** int(a[1:]) for a in playing}
        over = {a: self.time >= int(a[1:]) + 2 for a in playing}
        never = dict.fromkeys(playing, False)
        self.agents = [agent for agent in playing if not over[agent]]
        seen = {agent: self.seen(agent) for agent in playing}
        ends = (never, over) if self.truncate else (over, never)
        return seen, rewards, *ends, {agent: self.info(agent, over[agent]) for agent in playing}

    def info(self, agent, over):
        """Return numbers of several kinds, one only when an agent leaves, and a text."""
        stayed = {"stayed": np.array([self.time / 8])} if over else {}
        return {"time": np.int64(self.time), "first": agent == "a0", "name": agent, **stayed}
