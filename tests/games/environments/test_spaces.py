"""Spaces of all kinds: actions lie in them, observations are laid out as gymnasium would."""

from contextlib import suppress

import numpy as np
import odd_worlds
import pytest
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from test_boundary import ONE_ROW, adapter

from marl_comm.games.environments.actions import Actions
from marl_comm.games.environments.observations import MismatchError, Observations, mask_of

seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(st.integers(1, 3), max_size=2).map(tuple)


@st.composite
def boxes(draw, kinds=(np.float32, np.float64, np.float16, np.int8, np.int64, np.uint8)):
    kind = np.dtype(draw(st.sampled_from(kinds)))
    limits = np.iinfo(kind) if kind.kind in "iu" else np.finfo(kind)
    numbers = st.integers(int(limits.min), int(limits.max))
    if kind.kind == "f":
        numbers = st.floats(float(limits.min), float(limits.max), width=kind.itemsize * 8)
    ends = sorted(draw(st.tuples(numbers, numbers)))
    return spaces.Box(*ends, draw(shapes), kind)


choices = st.one_of(
    st.builds(lambda n, start: spaces.Discrete(n, start=start), st.integers(1, 5), seeds),
    st.lists(st.integers(1, 4), min_size=1, max_size=3).map(spaces.MultiDiscrete),
    st.just(spaces.MultiDiscrete([[2, 3], [1, 4]], start=[[0, 5], [-3, 1]])),
    shapes.map(spaces.MultiBinary),
)


def several(parts):
    more = st.lists(parts, min_size=1, max_size=3)
    named = st.dictionaries(st.sampled_from("xyz"), parts, min_size=1)
    return st.one_of(more.map(spaces.Tuple), named.map(spaces.Dict))


@given(st.recursive(boxes(), several, max_leaves=4), seeds)
def test_numbers_stay_inside_the_space_and_in_its_type(space, seed):
    actions = Actions.of(space)
    random = np.random.default_rng(seed)
    assert actions.parts == ()
    size = actions.numbers + 2  # padded
    for given_numbers in (-np.ones(size), np.ones(size), 2.5 * random.standard_normal(size)):
        assert space.contains(actions.move(given_numbers.astype(np.float32)))


@given(st.recursive(choices, several, max_leaves=4), seeds)
def test_choices_are_all_that_the_space_has(space, seed):
    actions = Actions.of(space)
    random = np.random.default_rng(seed)
    found = set()
    for _ in range(20):
        chosen = [int(random.integers(n)) for n in actions.parts]
        move = actions.move(np.array([*chosen, 9]))
        assert space.contains(move)
        found.add((tuple(chosen), str(move)))
    # Different choices are different actions.
    assert len(found) == len({chosen for chosen, _ in found}) == len({move for _, move in found})


@given(boxes(), seeds)
def test_the_ends_of_a_range_are_reached(space, seed):
    move = Actions.of(space).move
    size = Actions.of(space).numbers
    np.testing.assert_array_equal(move(-2.0 * np.ones(size)), space.low)
    np.testing.assert_array_equal(move(np.ones(size)), space.high)


@pytest.mark.parametrize(
    ("low", "high", "kind"), [(0, 3, np.int64), (-2, 2, np.int8), (250, 255, np.uint8)]
)
def test_every_integer_has_an_equal_share_of_the_range(low, high, kind):
    move = Actions.of(spaces.Box(low, high, (1,), kind)).move
    values = high - low + 1
    evenly = np.linspace(-1, 1, 20 * values, endpoint=False) + 0.05 / values
    found = [int(move([number])[0]) for number in evenly]
    assert [found.count(value) for value in range(low, high + 1)] == [20] * values


def test_huge_integers_keep_their_shares():
    space = spaces.Box(-(2**63), 2**63 - 1, (1,), np.int64)
    move = Actions.of(space).move
    assert int(move([0.0])[0]) == 0
    assert int(move([-0.5])[0]) == -(2**62)
    assert int(move([1.0])[0]) == 2**63 - 1


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-1.0, np.inf, (1,)),
        spaces.Text(4),
        spaces.Tuple([spaces.Discrete(2), spaces.Box(0.0, 1.0)]),
        spaces.Tuple([]),
    ],
)
def test_other_actions_are_none(space):
    assert Actions.of(space) is None


@pytest.mark.parametrize(
    ("space", "action", "expected"),
    [
        (spaces.MultiDiscrete([3, 2]), [2, 1], [2, 1]),
        (spaces.MultiBinary(3), [1, 0, 1], [1, 0, 1]),
        (spaces.Tuple([spaces.Discrete(2, start=4), spaces.MultiBinary(1)]), [1, 1], (5, [1])),
        (spaces.Discrete(3), 2, 2),
        (spaces.Box(0, 3, (2,), np.int32), [-1.0, 0.1], [0, 2]),
    ],
)
def test_actions_reach_the_environment(space, action, expected):
    environments = adapter("Acting", space=space)
    assert environments.spec.numbers_per_action == (np.size(action),) * 2
    environments.situation(ONE_ROW)
    odd_worlds.LOG.clear()
    environments.step(ONE_ROW, torch.tensor([[[action]]] * 2).view(1, 2, 1, *np.shape(action)))
    (given_action,) = odd_worlds.LOG
    pairs = zip(given_action, expected, strict=True) if np.size(action) > 1 else ()
    for found, wanted in pairs or [(given_action, expected)]:
        np.testing.assert_array_equal(found, wanted)


seen_boxes = boxes(kinds=(np.float32, np.float64, np.uint8, np.int16))


@given(st.recursive(st.one_of(seen_boxes, choices), several, max_leaves=5), seeds)
def test_observations_are_laid_out_as_gymnasium_would(space, seed):
    space.seed(seed)
    seen = space.sample()
    observations = Observations(space)
    numbers = np.full(observations.size, np.nan, np.float32)
    observations.read(seen, numbers)
    np.testing.assert_array_equal(numbers, spaces.flatten(space, seen).astype(np.float32))
    assert not ((numbers < observations.low) | (numbers > observations.high)).any()


OTHERS = [None, "seen", 3.5, -1, object(), [], [[1], [1, 2]], np.zeros(7), {"x": 1}, {}, np.nan]


@given(st.recursive(st.one_of(seen_boxes, choices), several, max_leaves=4))
def test_what_is_no_observation_is_told_or_out_of_range(space):
    observations = Observations(space)
    numbers = np.zeros(observations.size, np.float32)
    for other in OTHERS:
        with suppress(MismatchError):
            observations.read(other, numbers)
            # It has the shape of one number: so has the space.
            assert np.size(other) == 1
            assert observations.size > 0


def test_limits_are_those_of_the_space_up_to_rounding():
    observations = Observations(spaces.Dict(x=spaces.Box(-1.0, 3.0, (2,)), y=spaces.Discrete(2)))
    numbers = np.zeros(4, np.float32)
    observations.read({"x": np.array([3.0000001, -1.0000001]), "y": 1}, numbers)
    assert not ((numbers < observations.low) | (numbers > observations.high)).any()
    observations.read({"x": np.array([3.001, -1.0]), "y": 1}, numbers)
    assert "3.001 (number 0 of 4)" in str(observations.out_of_range(numbers))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.data())
def test_masks_come_joined_or_part_by_part(parts, data):
    drawn = [data.draw(st.lists(st.booleans(), min_size=n, max_size=n)) for n in parts]
    joined = [int(legal) for part in drawn for legal in part]
    ways = [joined, np.array(joined, np.int8), np.array(joined, bool), np.array([joined], float)]
    if len(parts) > 1:
        ways.append(tuple(np.array(part, np.int8) for part in drawn))
    for way in ways:
        if all(any(part) for part in drawn):
            assert mask_of(way, parts).tolist() == [bool(legal) for legal in joined]
        else:
            with pytest.raises(MismatchError, match="leaves it no choice"):
                mask_of(way, parts)
