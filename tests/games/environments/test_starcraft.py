"""SMAC and SMACv2 through `game=pettingzoo`: a stand-in speaks as their wrapper does."""

import json
import sys
import types

import numpy as np
import pytest
import torch

from marl_comm.command_line.composition import compose
from marl_comm.games.environments.pettingzoo.environments import ParallelEnvironments
from marl_comm.randomness import generator
from marl_comm.runs.session import execute

PATH = "marl_comm.games.environments.pettingzoo.starcraft"
LIMIT = 6


class Space:
    """As gym's, of which no more is asked than this."""

    def __init__(self, shape=(), n=None):
        self.shape, self.n = shape, n


class Game:
    """Units shoot (3), or stand by (1); who stands by in the first step dies of it.

    Three shots win; without a unit, or with no win, a battle is lost or cut off.
    """

    def start(self):
        self.alive, self.shots, self.time = np.ones(3, bool), 0, 0
        self.win_counted = self.defeat_counted = False

    def step(self, actions):
        assert all(bool(action) == alive for action, alive in zip(actions, self.alive, strict=True))
        self.time += 1
        self.shots += actions.count(4)
        if self.time == 1:
            self.alive &= np.array(actions) != 2
        self.win_counted = self.shots >= 3 and bool(self.alive.any())
        self.defeat_counted = not self.alive.any()
        return actions.count(4) + 4 * self.win_counted, self.win_counted or self.defeat_counted, {}


class Wrapper:
    """What is called `StarCraft2PZEnv` in both packages, of which it has the odd ways."""

    def __init__(self, early, max_cycles=LIMIT, map_name="3m"):
        self.early, self.max_cycles, self.env, self.seeds = early, max_cycles, Game(), []
        self.agents = self.possible_agents = ["marine_0", "marine_1", "marine_2"]
        self.action_spaces = {name: Space(n=4) for name in self.agents}
        one = {"observation": Space((5,)), "action_mask": Space((4,))}
        self.observation_spaces = dict.fromkeys(self.agents, one)
        self.reset()

    def seed(self, seed):
        self.seeds.append(seed)

    def reset(self):
        self.env.start()
        self.agents, self.frames = self.possible_agents[:], 0
        self.dones = dict.fromkeys(self.agents, False)
        return self.see()

    def see(self):
        seen = {}
        for name in self.agents:
            alive = self.env.alive[self.possible_agents.index(name)]
            mask = np.array([0, 1, 0, 1] if alive else [0] * 4, np.int8)  # without the no-op
            numbers = np.full(5, self.frames / LIMIT, np.float64) * alive
            seen[name] = {"observation": numbers, "action_mask": mask}
        return seen

    def step(self, actions):
        if self.early:  # SMAC's first version takes the dead out a step later
            self.agents = [name for name in self.agents if not self.dones[name]]
        chosen = [0] * 3
        for name in self.agents:
            if name in actions:
                chosen[self.possible_agents.index(name)] = int(actions[name]) + 1
        reward, over, _ = self.env.step(chosen)
        self.frames += 1
        over = over or self.frames >= self.max_cycles
        alive = dict(zip(self.possible_agents, self.env.alive, strict=True))
        self.dones = {name: bool(over or not alive[name]) for name in self.agents}
        answer = self.see(), dict.fromkeys(self.agents, reward), self.dones, {}
        if not self.early:
            self.agents = [name for name in self.agents if not self.dones[name]]
        return answer

    def close(self):
        self.env = None


@pytest.fixture(params=["smac", "smacv2"])
def package(request, monkeypatch):
    """The stand-in under the package's name; its first version and its present one."""
    for name in ("", ".env", ".env.pettingzoo", ".env.pettingzoo.StarCraft2PZEnv"):
        module = types.ModuleType(request.param + name)
        monkeypatch.setitem(sys.modules, request.param + name, module)
    # As in the real one, which PettingZoo of today would refuse at once.
    from marl_comm.games.environments.pettingzoo import starcraft  # noqa: F401

    def parallel_env(**arguments):
        from pettingzoo.utils.conversions import from_parallel_wrapper  # noqa: F401

        return Wrapper(request.param == "smac", **arguments)

    module.parallel_env = parallel_env
    return request.param


def test_masks_deaths_and_ends_are_those_of_the_battle(package):
    randoms, rows = [generator(0, "environment")], np.zeros(1, dtype=int)
    environments = ParallelEnvironments(f"{PATH}:{package}", {"map_name": "3m"}, randoms, 3)
    assert environments.spec.agents == ("marine_0", "marine_1", "marine_2")
    assert environments.spec.observation_sizes == (5, 5, 5)
    assert environments.spec.masked
    # By copy: all stand by and die; the first shoots to the end and wins; two survive, and idle.
    plans = [[[1, 1, 1]], [[3, 1, 1]] * 3, [[3, 3, 1], *[[1, 1, 1]] * 5]]
    alive_after = [None, [True, False, False], [True, True, False]]
    for step in range(LIMIT):
        situation = environments.situation(rows)
        if step == 1:
            for copy in (1, 2):
                assert situation.alive[0, :, copy].tolist() == alive_after[copy]
            assert situation.began[0].tolist() == [True, False, False]
        living = situation.alive[0].unsqueeze(-1) & ~torch.zeros(4, dtype=torch.bool)
        expected = torch.tensor([False, True, False, True]).expand_as(living)
        assert torch.equal(situation.legal[0] & living, expected & living)
        chosen = [plan[min(step, len(plan) - 1)] for plan in plans]
        chosen[0] = [1, 1, 1]
        outcome = environments.step(rows, torch.tensor(chosen).T.unsqueeze(0))
        assert (outcome.rewards[0] == outcome.rewards[0, :1]).all(), "the dead gain it, too"
        won, ended = outcome.info.get("info_won"), outcome.ended[0].tolist()
        assert ended == [True, step == 2 or step == 5, step == 5]
        assert bool(outcome.terminated[0, 0])
        assert won[0, 0] == 0.0
        if step == 2:
            assert won[0, 1] == 1.0
            assert bool(outcome.terminated[0, 1])
            assert outcome.rewards[0, :, 1].tolist() == [5.0, 5.0, 5.0]
        if step == 5:
            assert won[0, 2] == 0.0
            assert not bool(outcome.terminated[0, 2]), "cut off"
    environments.close()


def test_a_game_is_started_anew_for_its_first_battle_only(package):
    randoms, rows = [generator(0, "environment")], np.zeros(1, dtype=int)
    environments = ParallelEnvironments(f"{PATH}:{package}", {}, randoms, 1)
    for _ in range(3):
        environments.situation(rows, afresh=True)
    (((world,),),) = (environments._worlds,)
    assert len(world._wrapped.seeds) == 1


def test_mappo_learns_to_win_battles(package, tmp_path):
    settings = ("game=pettingzoo", f"game.environment={PATH}:{package}", "game.copies=8")
    lengths = ("game.steps=12", "game.evaluation_steps=6", "game.evaluation_every=100")
    learning = ("learner.hidden=[16]", "learner.learning_rate=0.02", "max_local_steps=25")
    execute(
        compose(*settings, *lengths, *learning, "algorithm=full_communication", "logger=local"),
        tmp_path / "run",
    )
    points = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert points[1]["info_won"] < 0.9
    assert points[-1]["info_won"] > 0.95
