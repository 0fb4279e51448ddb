import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marl_comm.experience.joint_actions import JointActions, group_size
from marl_comm.rows import put, take

shapes = st.tuples(
    st.integers(1, 3), st.integers(1, 40), st.integers(1, 7), st.integers(2, 5), st.integers(0, 99)
)


def draw(shape):
    rows, samples, agents, actions, seed = shape
    random = np.random.default_rng(seed)
    joint_actions = random.integers(actions, size=(rows, samples, agents), dtype=np.uint8)
    return joint_actions, random


@given(shapes)
def test_sum_over_agents_is_the_plain_sum(shape):
    joint_actions, random = draw(shape)
    rows, samples, agents, actions, _ = shape
    table = random.standard_normal((rows, agents, actions))
    sums = JointActions.of(joint_actions, actions).sum_over_agents(table)
    for row in range(rows):
        for sample in range(samples):
            plain = sum(table[row, i, joint_actions[row, sample, i]] for i in range(agents))
            assert sums[row, sample] == pytest.approx(plain, abs=1e-12)


@given(shapes, st.booleans())
def test_total_per_action_is_the_plain_scatter(shape, per_agent):
    joint_actions, random = draw(shape)
    rows, samples, agents, actions, _ = shape
    values = random.standard_normal((rows, agents, samples) if per_agent else (rows, samples))
    plain = np.zeros((rows, agents, actions))
    for row, sample, agent in np.ndindex(rows, samples, agents):
        value = values[row, agent, sample] if per_agent else values[row, sample]
        plain[row, agent, joint_actions[row, sample, agent]] += value
    totals = JointActions.of(joint_actions, actions).total_per_action(values)
    np.testing.assert_allclose(totals, plain, atol=1e-12)


@given(shapes, st.integers(2, 4), st.booleans())
def test_with_contexts_look_ups_and_totals_are_per_context(shape, contexts, per_agent):
    joint_actions, random = draw(shape)
    rows, samples, agents, actions, _ = shape
    context = random.integers(contexts, size=(rows, samples))
    table = random.standard_normal((rows, contexts, agents, actions))
    values = random.standard_normal((rows, agents, samples) if per_agent else (rows, samples))
    indexed = JointActions.of(joint_actions, actions, context, contexts)
    sums, totals = indexed.sum_over_agents(table), indexed.total_per_action(values)
    plain = np.zeros_like(table)
    for row, sample in np.ndindex(rows, samples):
        where = row, context[row, sample]
        taken = joint_actions[row, sample]
        plain_sum = sum(table[(*where, i, taken[i])] for i in range(agents))
        assert sums[row, sample] == pytest.approx(plain_sum, abs=1e-12)
        for agent in range(agents):
            value = values[row, agent, sample] if per_agent else values[row, sample]
            plain[(*where, agent, taken[agent])] += value
    np.testing.assert_allclose(totals, plain, atol=1e-12)


@given(shapes, st.integers(2, 4), st.data())
def test_rows_with_contexts_can_be_taken_and_replaced(shape, contexts, data):
    joint_actions, random = draw(shape)
    rows, samples, agents, actions, _ = shape
    context = random.integers(contexts, size=(rows, samples))
    table = random.standard_normal((rows, contexts, agents, actions))
    indexed = JointActions.of(joint_actions, actions, context, contexts)
    chosen = np.array(data.draw(st.lists(st.integers(0, rows - 1), min_size=1, unique=True)))
    taken = take(indexed, chosen)
    np.testing.assert_array_equal(
        taken.sum_over_agents(table[chosen]), indexed.sum_over_agents(table)[chosen]
    )
    moved = JointActions.of(joint_actions[:1], actions, context[:1], contexts)
    last = np.array([rows - 1])
    put(indexed, last, moved)
    expected = moved.sum_over_agents(table[last])
    np.testing.assert_array_equal(indexed.sum_over_agents(table)[last], expected)


@given(shapes, st.data())
def test_take_and_put_move_whole_rows(shape, data):
    joint_actions, random = draw(shape)
    rows, samples, agents, actions, _ = shape
    table = random.standard_normal((rows, agents, actions))
    indexed = JointActions.of(joint_actions, actions)
    chosen = np.array(data.draw(st.lists(st.integers(0, rows - 1), min_size=1, unique=True)))

    taken = take(indexed, chosen)
    expected = JointActions.of(joint_actions[chosen], actions)
    np.testing.assert_array_equal(
        taken.sum_over_agents(table[chosen]), expected.sum_over_agents(table[chosen])
    )

    fresh = random.integers(actions, size=(len(chosen), samples, agents))
    put(indexed, chosen, JointActions.of(fresh, actions))
    joint_actions[chosen] = fresh
    np.testing.assert_array_equal(
        indexed.sum_over_agents(table),
        JointActions.of(joint_actions, actions).sum_over_agents(table),
    )


@pytest.mark.parametrize(
    ("agents", "actions", "samples", "size"),
    [(12, 6, 4000, 3), (12, 6, 10, 1), (3, 2, 10**6, 3), (100, 20, 4000, 2), (5, 5000, 100, 1)],
)
def test_groups_are_no_larger_than_their_samples_justify(agents, actions, samples, size):
    assert group_size(agents, actions, samples) == size
