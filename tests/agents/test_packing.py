"""Arrays travel as their bytes alone, and what agents play apart is what they play together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marl_comm.agents.packing import Shape, packed, size_of, unpacked
from marl_comm.experience import BasePolicies
from marl_comm.games.one_shot import player as one_shot
from marl_comm.games.over_time import player as over_time

TYPES = st.sampled_from(["u1", "u2", "f4", "f8", "i8", "?"]).map(np.dtype)
SIZES = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@given(st.lists(st.builds(Shape, SIZES, TYPES), max_size=4), st.integers(0, 2**32 - 1))
def test_what_is_unpacked_is_what_was_packed_and_nothing_is_added(
    shapes: list[Shape], seed: int
) -> None:
    random = np.random.default_rng(seed)
    arrays = [random.integers(0, 2, shape.sizes).astype(shape.type) for shape in shapes]
    data = packed(arrays)
    assert data.nbytes == size_of(shapes) == sum(array.nbytes for array in arrays)
    for before, after in zip(arrays, unpacked(data, shapes), strict=True):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)


def bases(random: np.random.Generator, *shape: int) -> BasePolicies:
    """Return three bases for each of two rows, of which the second row uses one."""
    policies = random.dirichlet(np.ones(shape[-1]), (2, 3, *shape[:-1]))
    return BasePolicies(np.log(policies), np.array([3, 1]))


@pytest.mark.parametrize("seed", range(5))
def test_agents_play_apart_what_they_play_together(seed: int) -> None:
    random = np.random.default_rng(seed)
    agents, actions, samples = 4, 5, 20
    behaviours = bases(random, agents, actions)
    uniforms = [random.random((samples, agents)) for _ in range(2)]
    together = one_shot.chosen_actions(behaviours, samples, uniforms)
    for agent in range(agents):
        own = [uniform[:, agent : agent + 1] for uniform in uniforms]
        apart = one_shot.chosen_actions(behaviours, samples, own, slice(agent, agent + 1))
        np.testing.assert_array_equal(apart[..., 0], together[..., agent])


@pytest.mark.parametrize("layers", [1, 3])
def test_agents_act_in_states_apart_as_they_do_together(layers: int) -> None:
    random = np.random.default_rng(0)
    agents, actions, states, steps, episodes = 3, 4, 2, 3, 9
    behaviours = bases(random, layers, states, agents, actions)
    uniform = random.random((2, steps, episodes, agents))
    together = over_time.chosen_actions(behaviours, uniform)
    for step in range(steps):
        state = random.integers(states, size=(2, episodes))
        for agent in range(agents):
            own = slice(agent, agent + 1)
            apart = over_time.chosen_actions(behaviours, uniform[..., own], own)
            np.testing.assert_array_equal(
                apart(step, state)[..., 0], together(step, state)[..., agent]
            )
