import logging
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from marl_comm.errors import OutputError
from marl_comm.storage.checkpoints import Checkpoints

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st_numpy.arrays(
        st.sampled_from([np.float64, np.float32, np.uint8, np.int64, np.bool_]),
        st_numpy.array_shapes(min_dims=0, max_side=3),
    )
)
states = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(one, other) -> bool:
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and one.shape == other.shape
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(state=states)
def test_what_is_loaded_is_what_was_saved(tmp_path_factory, state):
    checkpoints = Checkpoints(tmp_path_factory.mktemp("run"))
    checkpoints.save(3, {"state": state})
    assert same(checkpoints.load_latest(), {"state": state})


def test_generator_states_survive(tmp_path):
    random = np.random.default_rng(4)
    random.random(7)
    Checkpoints(tmp_path).save(1, random.bit_generator.state)
    restored = np.random.default_rng(0)
    restored.bit_generator.state = Checkpoints(tmp_path).load_latest()
    assert restored.random() == random.random()


def test_the_last_two_are_kept_and_the_latest_is_by_number(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in (8, 9, 10, 100):
        checkpoints.save(step, step)
    names = sorted(file.name for file in (tmp_path / "checkpoints").iterdir())
    assert names == ["checkpoint_10.bin", "checkpoint_100.bin"]
    assert checkpoints.load_latest() == 100


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty", "pickle"])
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path, caplog, damage):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"step": 1})
    checkpoints.save(2, {"step": 2})
    file = tmp_path / "checkpoints" / "checkpoint_2.bin"
    content = bytearray(file.read_bytes())
    if damage == "torn":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
    elif damage == "empty":
        content = bytearray()
    else:
        content = bytearray(pickle.dumps({"step": 666}))
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert checkpoints.load_latest() == {"step": 1}
    assert "checkpoint_2.bin is damaged" in caplog.text


def test_without_checkpoints_there_is_nothing_to_load(tmp_path):
    assert Checkpoints(tmp_path).load_latest() is None


def test_a_checkpoint_that_cannot_be_written_leaves_the_earlier_ones(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match=r"checkpoint_2\.bin: No space left"):
        checkpoints.save(2, 2)
    assert checkpoints.load_latest() == 1
    assert [file.name for file in (tmp_path / "checkpoints").iterdir()] == ["checkpoint_1.bin"]


def test_discarding_leaves_no_trace(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, 1)
    checkpoints.discard()
    assert not list(tmp_path.iterdir())
