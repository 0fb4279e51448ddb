"""VMAS through the adapter: what VMAS itself plays, seeds apart, episodes aligned."""

import random

import numpy as np
import pytest
import torch

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.games.environments.vmas.environments import VectorisedEnvironments
from marl_comm.games.environments.vmas.state import copies_share_draws, steps_draw
from marl_comm.randomness import Streams, generator
from marl_comm.runs.assemble import assemble

vmas = pytest.importorskip("vmas")
from vmas.simulator.core import Agent, Sphere, World  # noqa: E402
from vmas.simulator.scenario import BaseScenario  # noqa: E402


def adapter_of(scenario="simple_spread", *, continuous=False, max_steps=5, copies=3, **arguments):
    randoms = [generator(seed, "environment") for seed in (3, 4)]
    return VectorisedEnvironments(
        scenario,
        arguments,
        randoms,
        copies,
        max_steps=max_steps,
        continuous_actions=continuous,
        device="cpu",
    )


@pytest.mark.parametrize("continuous", [False, True])
def test_steps_of_a_seed_are_those_of_a_simulation_of_its_own(continuous):
    environments = adapter_of(continuous=continuous)
    rows = np.arange(2)
    stocks, seen = [], []
    for seed in (3, 4):
        stock = vmas.make_env("simple_spread", 3, max_steps=5, continuous_actions=continuous)
        stock.seed(int(generator(seed, "environment").integers(2**31)))
        stocks.append(stock)
        seen.append(stock.reset())
    random = np.random.default_rng(0)
    for step in range(1, 6):
        situation = environments.situation(rows)
        assert bool(situation.began.all()) == (step == 1)
        if continuous:
            actions = torch.from_numpy(random.uniform(-1, 1, (2, 3, 3, 2))).float()
        else:
            actions = torch.from_numpy(random.integers(9, size=(2, 3, 3)))
        outcome = environments.step(rows, actions)
        for row, stock in enumerate(stocks):
            for i in range(3):
                torch.testing.assert_close(situation.observations[row, i], seen[row][i])
            moves = [actions[row, i].reshape(3, -1).clone() for i in range(3)]
            seen[row], rewards, done, _ = stock.step(moves)
            for i in range(3):
                torch.testing.assert_close(outcome.rewards[row, i], rewards[i])
                torch.testing.assert_close(outcome.observations[row, i], seen[row][i])
            torch.testing.assert_close(outcome.ended[row], done)
        assert bool(outcome.ended.all()) == (step == 5)
        assert not outcome.terminated.any()
    assert environments.situation(rows).began.all()


def test_figures_of_scenarios_are_means_over_their_agents():
    environments = adapter_of("balance", copies=2)
    own = vmas.make_env("balance", 2, max_steps=5, continuous_actions=False)
    own.seed(int(generator(3, "environment").integers(2**31)))
    own.reset()
    for _ in range(4):
        environments.situation(np.arange(2))
        outcome = environments.step(np.arange(2), torch.ones((2, 3, 2), dtype=torch.int64))
        _, _, _, infos = own.step([torch.ones((2, 1))] * 3)
        assert outcome.info.keys() == {"info_pos_rew", "info_ground_rew"}
        for name, figures in outcome.info.items():
            mean = sum(info[name.removeprefix("info_")] for info in infos) / 3
            torch.testing.assert_close(figures[0], mean.double())


def played(scenario, rows, steps=13, **arguments):
    """What the given seeds meet; their actions are their own."""
    environments = adapter_of(scenario, continuous=True, **arguments)
    spec = environments.spec
    shape = (len(spec.agents), environments.copies, spec.largest_action)
    randoms = [np.random.default_rng(row) for row in rows]
    met = []
    for _ in range(steps):
        situation = environments.situation(np.array(rows))
        actions = np.stack([random.uniform(-1, 1, shape) for random in randoms])
        outcome = environments.step(np.array(rows), torch.from_numpy(actions).float())
        met.append((situation.observations, situation.began, outcome.rewards, outcome.ended))
    return met


@pytest.mark.parametrize(
    ("scenario", "arguments"),
    [
        ("simple_spread", {}),
        ("dispersion", {}),  # how many numbers a reset draws depends on what it has drawn
        ("asym_joint", {}),  # draws in steps
        ("simple_reference", {}),  # a goal is common to all copies
        ("reverse_transport", {"copies": 12, "max_steps": 9}),  # copies end by themselves
        ("wind_flocking", {}),  # has tensors whose copies share their memory
    ],
)
def test_a_seed_meets_the_same_alone_and_beside_others(scenario, arguments):
    together = played(scenario, [0, 1], **arguments)
    ends = set()
    for row in range(2):
        for beside, alone in zip(together, played(scenario, [row], **arguments), strict=True):
            for one, other in zip(beside, alone, strict=True):
                torch.testing.assert_close(one[row], other[0])
            ends.add(int(alone[3].sum()))
    assert ends != {0}
    assert (scenario != "reverse_transport") or ends - {0, 12}, "no copy ended before the others"


def made_of(scenario, monkeypatch):
    """Let VMAS make a scenario of the tests, whatever name it is asked for."""
    make = vmas.make_env
    monkeypatch.setattr(
        vmas, "make_env", lambda _, number, **settings: make(scenario(), number, **settings)
    )


class Drawing(BaseScenario):
    """Draws in observations, and copies end by themselves at different times."""

    def make_world(self, batch_dim, device, **kwargs):
        world = World(batch_dim, device)
        world.add_agent(Agent("agent", shape=Sphere(0.03)))
        self.length, self.time = torch.zeros(batch_dim), torch.zeros(batch_dim)
        return world

    def reset_world_at(self, env_index=None):
        (agent,) = self.world.agents
        number = self.world.batch_dim if env_index is None else 1
        places, lengths = torch.rand(number, 2), torch.randint(3, 9, (number,)).float()
        copies = slice(None) if env_index is None else [env_index]
        agent.set_pos(places if env_index is None else places[0], env_index)
        self.length[copies], self.time[copies] = lengths, 0

    def observation(self, agent):
        return agent.state.pos + torch.randn_like(agent.state.pos)

    def reward(self, agent):
        self.time = self.time + 1
        return agent.state.pos[:, 0]

    def done(self):
        return self.time >= self.length


def test_episodes_that_begin_in_one_seed_draw_nothing_from_another(monkeypatch):
    made_of(Drawing, monkeypatch)
    together = played("drawing", [0, 1], steps=30)
    for row in range(2):
        alone = played("drawing", [row], steps=30)
        began = torch.stack([step[1][0] for step in alone])
        assert (began.any(dim=1) & ~began.all(dim=1)).any()
        for beside, itself in zip(together, alone, strict=True):
            for one, other in zip(beside, itself, strict=True):
                torch.testing.assert_close(one[row], other[0])


class Masked(Drawing):
    """Which of the nine choices are legal differs between copies and times."""

    def process_action(self, agent):
        moved = agent.action.u.sign()
        choice = 3 * torch.where(moved[:, 0] < 0, 1, 2 * (moved[:, 0] > 0))
        choice = choice + torch.where(moved[:, 1] < 0, 1, 2 * (moved[:, 1] > 0))
        assert self.mask().gather(1, choice.unsqueeze(1)).all()

    def mask(self):
        return (torch.arange(9) + self.time.unsqueeze(1)) % 3 > 0

    def info(self, agent):
        return {"action_mask": self.mask(), "time": self.time}


@pytest.mark.parametrize("together", [True, False])
def test_masks_in_infos_are_those_of_the_coming_choices(monkeypatch, together):
    still = type("Still", (Masked,), {"observation": lambda self, agent: agent.state.pos})
    made_of(still if together else Masked, monkeypatch)
    environments = adapter_of("masked", copies=4)
    assert environments.spec.masked
    assert environments._simulations.together == together
    rows, time = np.arange(2), torch.zeros((2, 4))
    random = np.random.default_rng(0)
    for _ in range(12):
        situation = environments.situation(rows)
        time = torch.where(situation.began, 0, time)
        expected = (torch.arange(9) + time.unsqueeze(-1)) % 3 > 0
        assert torch.equal(situation.legal, expected.unsqueeze(1))
        ranks = torch.from_numpy(random.random(situation.legal.shape)) * situation.legal
        outcome = environments.step(rows, ranks.argmax(dim=-1))  # the scenario checks it
        assert outcome.info.keys() == {"info_time"}
        time += 1


def test_masks_of_numbers_are_refused(monkeypatch):
    lenient = type("Lenient", (Masked,), {"process_action": lambda self, agent: None})
    made_of(lenient, monkeypatch)
    with pytest.raises(InputError, match=r"set game.continuous_actions=false"):
        adapter_of("masked", continuous=True)


class Raising(Drawing):
    def reward(self, agent):
        if self.time.max() == 7:
            raise SystemExit("reward gone")
        return super().reward(agent)


def test_whatever_a_scenario_raises_is_told(monkeypatch):
    made_of(Raising, monkeypatch)
    with pytest.raises(InputError, match=r"game.scenario=raising: .* sys.exit: reward gone"):
        played("raising", [0], steps=30, max_steps=9)


def test_vmas_leaves_the_global_random_state_alone_and_does_not_use_it():
    def state():
        numpys = str(np.random.get_state())  # noqa: NPY002
        return torch.random.get_rng_state().tolist(), numpys, random.getstate()

    met = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        before = state()
        met.append(played("asym_joint", [0, 1], steps=7))
        assert state() == before
    for one, other in zip(*met, strict=True):
        torch.testing.assert_close(one[0], other[0])


def test_collected_chunks_of_a_seed_do_not_depend_on_the_others():
    def chunk_of(first, seeds):
        config = compose(
            "game=vmas/simple_spread",
            "game.copies=4",
            "game.evaluation_copies=1",
            "learner.hidden=[8]",
            "logger=local",
            f"seed={first}",
            f"num_seeds={seeds}",
        )
        parts = assemble(config, Streams(range(first, first + seeds)))
        rows = np.arange(seeds)
        behaviours = parts.learner.behaviours_for(parts.plan(rows))
        return parts.game.collect(rows, behaviours, None).rollouts.chunks

    beside, alone = chunk_of(0, 3), chunk_of(1, 1)
    for name, data in vars(alone).items():
        torch.testing.assert_close(vars(beside)[name][1], data[0], msg=name)


@pytest.mark.parametrize(
    ("scenario", "draws", "shared"),
    [
        ("simple_spread", False, False),
        ("balance", False, False),
        ("asym_joint", True, False),
        ("simple_reference", False, True),
        ("het_mass", False, True),
    ],
)
def test_it_is_found_out_what_scenarios_draw(scenario, draws, shared):
    simulation = vmas.make_env(scenario, 7)
    assert steps_draw(simulation) == draws
    assert copies_share_draws(simulation) == shared


def test_other_seeds_together_begin_anew():
    environments = adapter_of()
    environments.situation(np.arange(2))
    situation = environments.situation(np.array([1]))
    assert situation.observations.shape[:3] == (1, 3, 3)
    assert situation.began.all()
    assert not environments.situation(np.array([1])).began.any()


def test_steps_of_an_episode_are_set_in_one_place():
    arguments = {"max_steps": 5}
    with pytest.raises(InputError, match=r"game.arguments.max_steps: set game.max_steps instead"):
        VectorisedEnvironments(
            "balance", arguments, [], 1, max_steps=9, continuous_actions=False, device="cpu"
        )


@pytest.mark.parametrize(
    ("scenario", "arguments", "words"),
    [
        ("no_such_scenario", {}, "game.scenario=no_such_scenario"),
        ("balance", {"x": 1}, "VMAS"),
        ("balance", {"seed": 1}, "game.arguments.seed: is marl_comm's to set"),
        ("balance", {"num_envs": 1}, "game.arguments.num_envs: is marl_comm's to set"),
    ],
)
def test_what_vmas_refuses_is_told_in_one_line(scenario, arguments, words):
    with pytest.raises(InputError, match=words):
        adapter_of(scenario, **arguments)
