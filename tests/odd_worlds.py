"""A parallel environment whose every answer a test can replace, and some that answer oddly."""

import sys
from typing import ClassVar

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

LOG = []
"""What environments have done that leave a note of it."""


class World(ParallelEnv):
    """Two agents, two numbers to see, three choices, a reward for the last; five steps."""

    metadata: ClassVar = {"name": "world"}
    steps = 5
    unit = 1.0
    offset = 0.0
    names = ("a", "b")

    def __init__(self, render_mode=None, **changes):
        for name, value in changes.items():
            setattr(self, name, value)
        self.render_mode = render_mode
        self.possible_agents = list(self.names)
        self.agents = []

    def observation_space(self, agent):
        return spaces.Box(0.0, 1.0, (2,), np.float32)

    def action_space(self, agent):
        return spaces.Discrete(3)

    def see(self, agent):
        return np.array([self.time / self.steps, 1.0], np.float32)

    def reward(self, agent, action):
        return self.unit * (self.offset + float(np.ravel(action)[0] == 2))

    def info(self, agent):
        return {}

    def over(self, agent):
        """Terminated, truncated."""
        return self.time >= self.steps, False

    def reset(self, seed=None, options=None):
        self.random = np.random.default_rng(seed)
        self.time = 0
        self.agents = list(self.possible_agents)
        return self.seen(self.agents), {agent: self.info(agent) for agent in self.agents}

    def seen(self, agents):
        return {agent: self.see(agent) for agent in agents}

    def step(self, actions):
        self.time += 1
        acting = list(self.agents)
        rewards = {agent: self.reward(agent, actions[agent]) for agent in acting}
        ends = {agent: self.over(agent) for agent in acting}
        seen = self.seen(acting)
        infos = {agent: self.info(agent) for agent in acting}
        self.agents = [agent for agent in acting if not any(ends[agent])]
        terminations = {agent: end[0] for agent, end in ends.items()}
        return seen, rewards, terminations, {agent: end[1] for agent, end in ends.items()}, infos


class TakingTurns(World):
    def agent_iter(self):
        return iter(self.agents)


class OldReset(World):
    def reset(self, seed=None, options=None):
        return super().reset(seed)[0]


class OldStep(World):
    def step(self, actions):
        return super().step(actions)[:4]


class NobodyThere(World):
    def reset(self, seed=None, options=None):
        seen, infos = super().reset(seed)
        self.agents = []
        return seen, infos


class Nameless(World):
    def __init__(self, **changes):
        super().__init__(**changes)
        del self.possible_agents


class Raising(World):
    """Raises `what` where it is told to."""

    where = "make"
    what: ClassVar = ValueError("out of\nfuel")

    def __init__(self, **changes):
        super().__init__(**changes)
        self.fail("make")

    def fail(self, where):
        if self.where == where:
            raise self.what

    def observation_space(self, agent):
        self.fail("spaces")
        return super().observation_space(agent)

    def reset(self, seed=None, options=None):
        self.fail("reset")
        return super().reset(seed)

    def step(self, actions):
        self.fail("step")
        if self.time == 3:
            self.fail("late")
        return super().step(actions)

    def close(self):
        self.fail("close")


class Exiting(Raising):
    what = SystemExit("no licence")


class ExitingQuietly(Raising):
    what = SystemExit(0)


class Answering(World):
    """Answers otherwise than declared from step `since` on."""

    since = 1

    def odd(self):
        return self.time >= self.since


class WrongShape(Answering):
    def see(self, agent):
        return np.zeros(3 if self.odd() else 2)


class Ragged(Answering):
    def see(self, agent):
        return [[0.0], [0.0, 1.0]] if self.odd() else np.zeros(2)


class Textual(Answering):
    def see(self, agent):
        return np.array(["a", "b"]) if self.odd() else np.zeros(2)


class OutOfRange(Answering):
    def see(self, agent):
        return np.array([0.0, 1.5 if self.odd() and agent == "b" else 1.0])


class StrangeChoice(Answering):
    def observation_space(self, agent):
        return spaces.Discrete(4, start=1)

    def see(self, agent):
        return 5 if self.odd() else 1


class Unseen(Answering):
    def seen(self, agents):
        return {a: self.see(a) for a in agents if a != "b" or not self.odd()}


class StrangerSeen(Answering):
    def seen(self, agents):
        return {a: self.see(a) for a in [*agents, "c"]} if self.odd() else super().seen(agents)


class VectorReward(Answering):
    def reward(self, agent, action):
        return np.ones(2) if self.odd() else 1.0


class NoReward(Answering):
    def reward(self, agent, action):
        return None


class ArrayReward(World):
    def reward(self, agent, action):
        return np.array([[super().reward(agent, action)]])


class Unrewarded(World):
    def step(self, actions):
        seen, rewards, *rest = super().step(actions)
        del rewards["b"]
        return (seen, rewards, *rest)


class Unflagged(World):
    def step(self, actions):
        seen, rewards, terminations, *rest = super().step(actions)
        del terminations["b"]
        return (seen, rewards, terminations, *rest)


class Vanishing(World):
    def step(self, actions):
        outcome = super().step(actions)
        self.agents = self.agents[:1]
        return outcome


class Stranger(World):
    def reset(self, seed=None, options=None):
        outcome = super().reset(seed)
        self.agents = ["a", "z"]
        return outcome


ONE = World()


def always_the_same():
    return ONE


class Wrapping:
    """A wrapper of its own around the same environment each time."""

    def __init__(self):
        self.unwrapped = ONE

    def __getattr__(self, name):
        return getattr(ONE, name)


class Growing(World):
    """Every new copy has a choice more."""

    made = 0

    def __init__(self, **changes):
        super().__init__(**changes)
        Growing.made += 1
        self.number = Growing.made

    def action_space(self, agent):
        return spaces.Discrete(2 + self.number)


class Noted(World):
    """Leaves a note when it is made and when it is closed, here and on stderr."""

    def __init__(self, **changes):
        super().__init__(**changes)
        self.note("made")

    def note(self, what):
        LOG.append(what)
        print(what, file=sys.stderr)

    def close(self):
        self.note("closed")


class Unmade(Noted):
    """The fourth one cannot be made."""

    def __init__(self, **changes):
        if LOG.count("made") == 3:
            raise RuntimeError("no more")
        super().__init__(**changes)


class Touchy(World):
    """What it is given it changes."""

    def __init__(self, sizes=(), **changes):
        super().__init__(**changes)
        LOG.append(list(sizes))
        sizes.append(len(sizes))


class OddInfos(World):
    def info(self, agent):
        class Unruly:
            def __array__(self, *args, **kwargs):
                raise RuntimeError("no array")

        return {
            "ragged": [[0, 1], [2]],
            "unruly": Unruly(),
            3: 1.0,
            "x" * 1000: 1.0,
            "bell\a": 1.0,
            f"step_{self.time}": 1.0,
            "time": np.int64(self.time),
            "nan": float("nan"),
        }


class NoInfos(World):
    def step(self, actions):
        return (*super().step(actions)[:4], None)


class ManyNames(World):
    steps = 1000

    def info(self, agent):
        return {f"at_{self.time}": 1.0, "always": 2.0}


class Endless(World):
    def see(self, agent):
        return np.zeros(2)

    def over(self, agent):
        return False, False


class Masked(World):
    """Which choices are legal changes; one that is not ends the simulation with an error."""

    inside = True

    def legal(self, agent):
        mask = np.ones(3, np.int8)
        mask[(self.time + (agent == "b")) % 3] = 0
        return mask

    def observation_space(self, agent):
        seen = super().observation_space(agent)
        if not self.inside:
            return seen
        return spaces.Dict({"observation": seen, "action_mask": spaces.MultiBinary(3)})

    def see(self, agent):
        seen = super().see(agent)
        return {"observation": seen, "action_mask": self.legal(agent)} if self.inside else seen

    def info(self, agent):
        return {} if self.inside else {"action_mask": self.legal(agent)}

    def step(self, actions):
        for agent, action in actions.items():
            assert self.legal(agent)[action], f"{agent} plays {action}"
        return super().step(actions)


class LateMasks(World):
    def info(self, agent):
        return {"action_mask": np.ones(3, np.int8)} if self.time > 2 else {}


class BadMask(Masked):
    mask: ClassVar = [0, 0, 0]

    def legal(self, agent):
        return np.array(self.mask)


class MaskedNumbers(Masked):
    def action_space(self, agent):
        return spaces.Box(-1.0, 1.0, (3,))


class MaskedParts(World):
    """Three parts, of which the first must be the time, modulo two."""

    as_tuple = False

    def action_space(self, agent):
        return spaces.Tuple([spaces.MultiDiscrete([2, 3]), spaces.Discrete(2, start=5)])

    def info(self, agent):
        first = np.eye(2, dtype=bool)[self.time % 2]
        parts = (first, np.array([1, 0, 1]), np.array([1, 1]))
        return {"action_mask": parts if self.as_tuple else np.concatenate(parts)}

    def reward(self, agent, action):
        return float(action[1] == 6)

    def step(self, actions):
        for (first, second), third in actions.values():
            assert (first == self.time % 2, second != 1, third in (5, 6)) == (True, True, True)
        return super().step(actions)


class Acting(World):
    """Any actions; they must lie in their space, in its type."""

    space: ClassVar = spaces.Discrete(2)

    def action_space(self, agent):
        return self.space

    def step(self, actions):
        assert all(self.space.contains(action) for action in actions.values()), actions
        LOG.append(actions["a"])
        return super().step(actions)

    def reward(self, agent, action):
        return 1.0


class Mixed(World):
    def action_space(self, agent):
        return spaces.Discrete(3) if agent == "a" else spaces.Box(-1.0, 1.0, (1,))


class Unbounded(World):
    def action_space(self, agent):
        return spaces.Box(-1.0, np.inf, (1,))


class Picture(World):
    def observation_space(self, agent):
        return spaces.Box(0, 255, (84, 84, 3), np.uint8)


class Blind(World):
    def observation_space(self, agent):
        return spaces.Box(0.0, 1.0, (0,))

    def see(self, agent):
        return np.zeros(0)


class KeepsAgents(World):
    """Says that agents are gone, but keeps them in `agents`."""

    def step(self, actions):
        outcome = super().step(actions)
        self.agents = list(self.possible_agents)
        return outcome
