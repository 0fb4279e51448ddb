"""What is taken can be put back, what is saved can be loaded, and nothing is guessed."""

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from marl_comm.arrays import AnyArray
from marl_comm.rows import (
    Chosen,
    Derived,
    Fixed,
    Rows,
    Saveable,
    Shared,
    index_of,
    keep,
    load,
    loaded,
    put,
    record,
    saved,
    take,
)
from marl_comm.storage.checkpoints import decode, encode


@record
@dataclass(frozen=True)
class Inner:
    numbers: Rows[torch.Tensor]
    unit: Fixed[str]


@record
class Outer(Saveable):
    CONSTANT: ClassVar[int] = 3
    whole: Rows[AnyArray]
    inner: Rows[Inner]
    none: Rows[AnyArray | None]
    pair: Rows[tuple[AnyArray, torch.Tensor]]
    several: Rows[list[AnyArray]]
    named: Rows[dict[str, torch.Tensor]]
    doubled: Derived[AnyArray]
    _steps: Shared[int]
    _settings: Fixed[object]

    def __init__(self, rows, seed=0):
        random = np.random.default_rng(seed)
        self.whole = random.integers(9, size=(rows, 2), dtype=np.uint8)
        self.inner = Inner(torch.from_numpy(random.random((rows, 3))), "nats")
        self.none = None
        self.pair = (random.random((rows, 1, 2)), torch.from_numpy(random.random(rows)))
        self.several = [random.random(rows), random.random((rows, 0))]
        self.named = {"one": torch.from_numpy(random.integers(9, size=(rows, 2)))}
        self.doubled = 2 * self.whole
        self._steps = seed
        self._settings = object()


def arrays(value: Any) -> list[AnyArray]:
    """Return all arrays with rows, in order."""
    if isinstance(value, Outer):
        parts = [vars(value)[name] for name in Outer.__annotations__ if name in vars(value)][:-2]
        return [array for part in parts for array in arrays(part)]
    if isinstance(value, Inner):
        return [value.numbers.numpy()]
    if isinstance(value, dict):
        return arrays(list(value.values()))
    if isinstance(value, tuple | list):
        return [array for part in value for array in arrays(part)]
    return [] if value is None else [np.asarray(value)]


def same(first, second):
    found, expected = arrays(first), arrays(second)
    assert len(found) == len(expected) == 8
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@st.composite
def chosen(draw, rows, *, unique=False):
    some = st.lists(st.integers(0, rows - 1), max_size=2 * rows, unique=unique)
    numbers = np.array(draw(some), dtype=np.int64)
    return torch.from_numpy(numbers) if draw(st.booleans()) else numbers


records = st.integers(1, 5).flatmap(
    lambda rows: st.tuples(st.just(rows), chosen(rows), chosen(rows, unique=True))
)


@given(records)
def test_the_rows_taken_are_those_asked_for_in_that_order(case):
    rows, some, _ = case
    for taken, whole in zip(arrays(take(Outer(rows), some)), arrays(Outer(rows)), strict=True):
        assert len(taken) == len(some)
        for position, row in enumerate(some.tolist()):
            np.testing.assert_array_equal(taken[position], whole[row])


@given(records)
def test_rows_that_were_taken_and_are_put_back_change_nothing(case):
    rows, _, some = case
    outer = Outer(rows)
    put(outer, some, take(outer, some))
    same(outer, Outer(rows))


@given(records)
def test_rows_that_were_put_are_there_and_the_others_as_they_were(case):
    rows, _, some = case
    outer, new = Outer(rows), Outer(len(some), seed=1)
    put(outer, some, new)
    same(take(outer, some), new)
    others = np.setdiff1d(np.arange(rows), some)
    same(take(outer, others), take(Outer(rows), others))
    assert (outer._steps, outer.inner.unit) == (0, "nats")


@given(records, st.data())
def test_rows_of_rows_are_the_rows_of_their_numbers(case, data):
    rows, some, _ = case
    if len(some) > 0:
        again = data.draw(chosen(len(some)))
        numbers = np.asarray(some)[np.asarray(again)]
        same(take(take(Outer(rows), some), again), take(Outer(rows), numbers))


@given(records)
def test_keeping_rows_in_place_is_taking_them(case):
    rows, some, _ = case
    outer = Outer(rows)
    keep(outer, some)
    same(outer, take(Outer(rows), some))


@given(records)
def test_what_is_saved_is_loaded_again_all_but_what_follows_from_it(case):
    rows, some, _ = case
    outer, other = take(Outer(rows, seed=4), some), Outer(rows)
    settings, doubled = other._settings, other.doubled
    other.restore(decode(encode(outer.state())))
    assert other._settings is settings
    assert other.doubled is doubled
    assert other._steps == 4
    other.doubled = outer.doubled
    same(other, outer)
    assert isinstance(other.pair, tuple)
    assert isinstance(other.inner.numbers, torch.Tensor)


def test_what_is_taken_is_a_copy_and_what_has_no_rows_is_the_same():
    outer = Outer(3)
    taken = take(outer, np.arange(3))
    assert taken._settings is outer._settings
    for array in arrays(taken):
        array[...] = 77
    same(outer, Outer(3))


def test_arrays_alone_have_rows_too():
    whole = np.arange(6).reshape(3, 2)
    part = take(whole, np.array([2]))
    np.testing.assert_array_equal(part, [[4, 5]])
    put(whole, np.array([0]), part)
    np.testing.assert_array_equal(whole, [[4, 5], [2, 3], [4, 5]])


@record
@dataclass
class Flat:
    numbers: Rows[AnyArray]
    maybe: Rows[AnyArray | None]
    count: Shared[int] = 0


def test_a_record_of_arrays_is_built_from_what_was_saved():
    flat = Flat(np.arange(3.0), None)
    state = decode(encode(saved(flat) | {"count": None}))
    built = loaded(Flat, state)
    np.testing.assert_array_equal(built.numbers, flat.numbers)
    tensors = loaded(Flat, state, torch.device("cpu"))
    assert isinstance(tensors.numbers, torch.Tensor)
    assert tensors.maybe is None


@record
class Padded:
    """Makes room for longer rows."""

    data: Rows[AnyArray]

    def __init__(self, data):
        self.data = data

    def take_rows(self, rows: Chosen):
        return Padded(-self.data[index_of(self.data, rows)])

    def put_rows(self, rows: Chosen, other):
        self.data = np.pad(self.data, ((0, 0), (0, other.data.shape[1] - self.data.shape[1])))
        self.data[index_of(self.data, rows)] = other.data


def test_a_class_that_has_more_to_do_is_asked_to_do_it():
    pair = (Padded(np.ones((2, 1))), np.zeros(2))
    assert take(pair, np.array([1]))[0].data.tolist() == [[-1]]
    put(pair, torch.tensor([1]), (Padded(np.full((1, 2), 5.0)), np.ones(1)))
    assert pair[0].data.tolist() == [[1, 0], [5, 5]]
    assert pair[1].tolist() == [0, 1]


def test_an_attribute_that_does_not_say_what_it_is_is_refused_with_the_class():
    with pytest.raises(TypeError, match=r"Forgetful.length: must be one of Rows, Derived, Shared"):

        @record
        @dataclass
        class Forgetful:
            data: Rows[AnyArray]
            length: int


def test_an_attribute_cannot_be_two_things():
    with pytest.raises(TypeError, match=r"Torn.data: must be one of"):

        @record
        class Torn:
            data: Rows[Fixed[AnyArray]]


def test_names_that_a_checkpoint_could_not_tell_apart_are_refused():
    with pytest.raises(TypeError, match="same name"):

        @record
        class Twins:
            data: Rows[AnyArray]
            _data: Rows[AnyArray]


class Unmarked:
    def __init__(self):
        self.data = np.zeros(2)


@record
class Growing:
    data: Rows[AnyArray]

    def __init__(self):
        self.data = np.zeros(2)
        self.forgotten = np.zeros(2)


class Heir(Outer):
    def __init__(self):
        super().__init__(2)
        self.own = np.zeros(2)


@record
class Unset:
    data: Rows[AnyArray]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Unmarked, "Unmarked is no @record"),
        (Growing, "Growing: each attribute .* forgotten"),
        (Heir, "Heir: each attribute .* own"),
        (Unset, "Unset: each attribute .* data"),
        (lambda: 3, "int is no @record"),
        (lambda: {"data": "text"}, "str is no @record"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda value: take((value,), np.array([0])),
        lambda value: put((value,), np.array([0]), (value,)),
        lambda value: keep(value, np.array([0])),
        saved,
        lambda value: load(value, {}),
    ],
    ids=["take", "put", "keep", "saved", "load"],
)
def test_what_does_not_say_what_has_rows_is_refused_at_once(make, message, use):
    value = make()
    with pytest.raises(TypeError, match="is no @record" if isinstance(value, dict) else message):
        use(value)


@pytest.mark.parametrize("rows", [np.array([True, False]), slice(1), [0], np.array([[0]]), 0])
def test_rows_are_given_by_integers_alone(rows):
    for use in (take, keep, lambda value, rows: put(value, rows, Outer(1))):
        with pytest.raises(TypeError, match="array of integers"):
            use(Outer(2), rows)


@pytest.mark.parametrize(
    "other", [np.zeros((1, 2)), np.zeros((2, 1)), np.zeros(2), np.zeros((2, 2), dtype=np.float32)]
)
def test_nothing_is_broadcast_or_cast_into_rows(other):
    with pytest.raises(ValueError, match=re.escape("2 rows of (3, 2) float64 are not overwritten")):
        put(np.ones((3, 2)), np.array([0, 1]), other)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (np.zeros(1), None),
        (None, np.zeros(1)),
        (np.zeros(1), torch.zeros(1)),
        ({"one": np.zeros(1)}, {"two": np.zeros(1)}),
        (Inner(torch.zeros(1), ""), Flat(np.zeros(1), None)),
    ],
)
def test_rows_of_another_kind_are_refused(value, other):
    with pytest.raises(TypeError, match="do not fit into"):
        put(value, np.array([0]), other)


@pytest.mark.parametrize(
    "change",
    [
        {"whole": None},
        {"none": np.zeros(2)},
        {"inner": None},
        {"inner": {"numbers": np.zeros(2), "unit": "nats"}},
        {"pair": [np.zeros(2)]},
        {"named": {"two": np.zeros(2)}},
        {"more": 3},
    ],
)
def test_the_state_of_something_else_is_refused(change):
    outer = Outer(2)
    with pytest.raises(TypeError):
        load(outer, saved(outer) | change)
    state = saved(outer)
    del state["whole"]
    with pytest.raises(TypeError, match="whole"):
        load(outer, state)


def test_a_record_that_is_not_made_of_arrays_is_not_built():
    with pytest.raises(TypeError, match="numbers is not an array but dict"):
        loaded(Flat, {"numbers": {}, "maybe": None, "count": None})


def test_the_command_line_does_not_wait_for_torch():
    code = "import sys, marl_comm.rows; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
