"""JaxMARL's simple_spread is the world of mpe2's: from the same state, the same follows."""

from importlib.util import find_spec

import mpe2.simple_spread.simple_spread as stock_spread
import numpy as np
import pytest
import torch

from marl_comm.games.environments.jaxmarl.library import jaxmarl as imported
from marl_comm.games.environments.jaxmarl.making import made
from marl_comm.randomness import generator

if find_spec("jaxmarl") is None:  # Looked for, not imported: it takes Python's output away.
    pytest.skip("JaxMARL is not installed", allow_module_level=True)
imported("these tests")

SPREAD, COPIES, STEPS = "MPE_simple_spread_v3", 8, 25


@pytest.fixture(scope="module")
def spread():
    return made(
        f"game.environment={SPREAD}", SPREAD, {}, STEPS, [generator(0, "environment")], COPIES
    )


@pytest.fixture(scope="module")
def stock():
    world = stock_spread.raw_env(N=3, local_ratio=0.5, max_cycles=STEPS, continuous_actions=False)
    world.reset(seed=0)
    return world


def put(stock, places, speeds):
    """Put agents and landmarks of mpe2's world where they are in JaxMARL's."""
    for entity, place, speed in zip(stock.world.entities, places, speeds, strict=True):
        entity.state.p_pos = np.array(place, dtype=float)
        entity.state.p_vel = np.array(speed, dtype=float)


def played(stock, actions):
    """Play a joint action in mpe2's world; return observations and rewards by agent."""
    stock.current_actions = actions.tolist()
    stock._execute_world_step()
    names = stock.possible_agents
    return [stock.observe(name) for name in names], [stock.rewards[name] for name in names]


def test_jaxmarls_spread_moves_rewards_and_is_seen_as_mpe2s(spread, stock):
    row, random = np.array([0]), np.random.default_rng(0)
    collided = 0
    # Towards the middle more often than not, so that agents collide.
    for _ in range(STEPS):
        situation = spread.situation(row)
        states = spread._playing.states[0]
        before = np.array(states.p_pos[0]), np.array(states.p_vel[0])
        inwards = 1 + (before[0][:, :3, 0] < 0)
        drawn = random.integers(5, size=(COPIES, 3))
        choices = np.where(random.random((COPIES, 3)) < 0.6, inwards, drawn)
        step = spread.step(row, torch.from_numpy(choices.T[None]))
        for copy in range(COPIES):
            put(stock, before[0][copy], before[1][copy])
            names = stock.possible_agents
            for agent, name in enumerate(names):
                seen = situation.observations[0, agent, copy]
                assert seen.numpy() == pytest.approx(stock.observe(name), abs=1e-5)
            observations, rewards = played(stock, choices[copy])
            found = step.observations[0, :, copy].numpy()
            assert found == pytest.approx(np.stack(observations), abs=1e-4)
            assert step.rewards[0, :, copy].numpy() == pytest.approx(rewards, abs=1e-4)
            global_share = 0.5 * stock.scenario.global_reward(stock.world)
            collided += min(rewards) < global_share - 0.4
    assert collided >= 10
