"""The adapter to mpe2 plays what mpe2's own parallel environments play."""

import importlib
import itertools

import numpy as np
import pytest
import torch
from pettingzoo.test import parallel_api_test

from marl_comm.games.environments.mpe.environments import ParticleEnvironments
from marl_comm.randomness import generator

ARGUMENTS = {
    "simple_spread": {"N": 3, "local_ratio": 0.3},
    "simple_reference": {"local_ratio": 0.3},
    "simple_speaker_listener": {},
}
NAMES = sorted(ARGUMENTS)
SEEDS, COPIES = (4, 7), 2


def stock_of(name, **changes):
    module = importlib.import_module(f"mpe2.{name}.{name}")
    return module.parallel_env(**{**ARGUMENTS[name], "max_cycles": 6, **changes})


def adapter_of(name, **changes):
    arguments = {**ARGUMENTS[name], "max_cycles": 6, "continuous_actions": False, **changes}
    randoms = [generator(seed, "environment") for seed in SEEDS]
    return ParticleEnvironments(name, arguments, randoms, COPIES)


def stock_seed(row, copy, episode=0):
    """Episodes draw their seeds from their row's stream, copy by copy."""
    draws = generator(SEEDS[row], "environment").integers(2**31, size=(episode + 1, COPIES))
    return int(draws[episode, copy])


@pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
@pytest.mark.parametrize("name", NAMES)
def test_steps_are_those_of_the_stock_environment(name, continuous):
    environments = adapter_of(name, continuous_actions=continuous)
    spec = environments.spec
    random = np.random.default_rng(0)
    rows = np.arange(2)
    situation = environments.situation(rows)
    stock = {}
    for place in np.ndindex(2, COPIES):
        stock[place] = stock_of(name, continuous_actions=continuous)
        seen, _ = stock[place].reset(seed=stock_seed(*place))
        assert spec.agents == tuple(stock[place].possible_agents)
        check(situation.observations, place, seen, spec)
    for step in range(1, 14):
        if continuous:
            actions = random.uniform(-1.5, 1.5, (2, len(spec.agents), COPIES, spec.largest_action))
        else:
            actions = np.stack([random.integers(n, size=(2, COPIES)) for n in spec.action_sizes], 1)
        outcome = environments.step(rows, torch.from_numpy(actions))
        assert bool(outcome.ended.all()) == (step % 6 == 0)
        assert bool(outcome.ended.any()) == (step % 6 == 0)
        latest = {}
        for (row, copy), world in stock.items():
            chosen = {}
            for i, agent in enumerate(spec.agents):
                action = actions[row, i, copy]
                if continuous:
                    size = spec.action_sizes[i]
                    action = (0.5 + 0.5 * np.clip(action[:size], -1, 1)).astype(np.float32)
                chosen[agent] = action
            seen, rewards, terminated, truncated, _ = world.step(chosen)
            assert all((terminated[a] or truncated[a]) == (step % 6 == 0) for a in spec.agents)
            if name == "simple_spread":
                assert outcome.info["collisions"][row, copy].item() == colliding(world.unwrapped)
            for i, agent in enumerate(spec.agents):
                assert outcome.rewards[row, i, copy].item() == pytest.approx(
                    rewards[agent], rel=1e-6
                )
            if step % 6 == 0:
                check(outcome.observations, (row, copy), seen, spec)
                seen, _ = world.reset(seed=stock_seed(row, copy, step // 6))
            latest[row, copy] = seen
        situation = environments.situation(rows)
        for place, seen in latest.items():
            check(situation.observations, place, seen, spec)


def colliding(stock):
    pairs = itertools.combinations(stock.world.agents, 2)
    return sum(stock.scenario.is_collision(one, other) for one, other in pairs)


def check(observations, place, seen, spec):
    row, copy = place
    for i, agent in enumerate(spec.agents):
        found = observations[row, i, copy].numpy()
        size = spec.observation_sizes[i]
        np.testing.assert_allclose(found[:size], seen[agent], rtol=1e-6, atol=1e-7)
        assert not found[size:].any()


@pytest.mark.parametrize("name", NAMES)
def test_seeds_do_not_depend_on_each_other(name):
    together = adapter_of(name)
    alone = adapter_of(name)
    together.situation(np.array([0]))
    together.situation(np.array([0]), afresh=True)
    first = together.situation(np.array([1])).observations
    np.testing.assert_array_equal(first, alone.situation(np.array([1])).observations)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_the_stock_environments_pass_pettingzoos_own_test(name, capsys):
    parallel_api_test(stock_of(name), num_cycles=30)


def test_a_scripted_policys_return_is_reproduced():
    """Every agent walks to its own landmark; returns are summed over agents."""

    environments = adapter_of("simple_spread", max_cycles=25)
    total = np.zeros((2, COPIES))
    for _ in range(25):
        situation = environments.situation(np.arange(2))
        actions = scripted(situation.observations.numpy())
        outcome = environments.step(np.arange(2), torch.from_numpy(actions))
        total += outcome.rewards.sum(dim=1).numpy()
    for row, copy in np.ndindex(2, COPIES):
        world = stock_of("simple_spread", max_cycles=25)
        seen, _ = world.reset(seed=stock_seed(row, copy))
        expected = 0.0
        while world.agents:
            joint = np.stack([seen[agent] for agent in world.agents])[None, :, None]
            actions = scripted(joint)[0, :, 0]
            seen, rewards, *_ = world.step(dict(zip(world.agents, actions, strict=True)))
            expected += sum(rewards.values())
        assert total[row, copy] == pytest.approx(expected, rel=1e-5)


def scripted(observations):
    """Agent i steps towards landmark i along the longer axis; (rows, agents, copies)."""
    actions = np.zeros(observations.shape[:3], dtype=np.int64)
    for agent in range(observations.shape[1]):
        way = observations[:, agent, :, 4 + 2 * agent : 6 + 2 * agent]
        horizontal = np.abs(way[..., 0]) > np.abs(way[..., 1])
        sideways = np.where(way[..., 0] > 0, 2, 1)
        upward = np.where(way[..., 1] > 0, 4, 3)
        actions[:, agent] = np.where(horizontal, sideways, upward)
    return actions
