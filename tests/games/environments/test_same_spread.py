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


def test_vmas_spread_pays_six_times_as_much_in_the_same_places_and_moves_a_fifth_as_fast(stock):
    vmas = pytest.importorskip("vmas")
    env = vmas.make_env("simple_spread", num_envs=COPIES, continuous_actions=False, seed=0)
    env.reset()
    for copy in range(COPIES):
        entities = [*env.world.agents, *env.world.landmarks]
        places = [entity.state.pos[copy].numpy() for entity in entities]
        put(stock, places, np.zeros((6, 2)))
        scenario, agents = stock.scenario, stock.world.agents
        own = sum(scenario.reward(agent, stock.world) for agent in agents)
        paid = 0.5 * own + 0.5 * 3 * scenario.global_reward(stock.world)
        found = sum(env.scenario.reward(agent)[copy].item() for agent in env.world.agents)
        assert found == pytest.approx(6 * paid, rel=1e-5)
    # Apart from each other, at rest, all to the right.
    apart = np.array([[-5.0, 0.0], [0.0, 0.0], [5.0, 0.0], *np.zeros((3, 2))])
    put(stock, apart, np.zeros((6, 2)))
    for agent, place in zip(env.world.agents, apart[:3], strict=True):
        agent.set_pos(torch.tensor(place, dtype=torch.float32).expand(COPIES, 2), batch_index=None)
    played(stock, np.full(3, 2))
    env.step([torch.full((COPIES,), 2)] * 3)
    for one, other in zip(env.world.agents, stock.world.agents, strict=True):
        assert np.linalg.norm(one.state.vel[0].numpy()) == pytest.approx(
            np.linalg.norm(other.state.p_vel) / 5, rel=1e-5
        )
