"""Frames of all kinds become animations that other programs read back."""

from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from marl_comm.errors import InputError
from marl_comm.plots import animation

COLOURS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [51, 51, 51]]], np.uint8)
GREY = np.array([[0, 255], [51, 102]], np.uint8)
GREY_AS_COLOURS = np.repeat(GREY[..., None], 3, axis=2)
OPAQUE = np.full((2, 2, 1), 255, np.uint8)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (COLOURS, COLOURS),
        (COLOURS.astype(np.int64), COLOURS),
        (COLOURS / 255, COLOURS),
        (COLOURS.astype(np.float32), COLOURS),
        (COLOURS > 100, COLOURS // 255 * 255),
        (np.concatenate([COLOURS, OPAQUE], axis=2), COLOURS),
        (GREY, GREY_AS_COLOURS),
        (GREY[..., None] / 255, GREY_AS_COLOURS),
        (COLOURS.astype(np.int16) * 2 - 100, np.clip(COLOURS.astype(int) * 2 - 100, 0, 255)),
        (np.where(COLOURS == 0, np.nan, COLOURS / 255), COLOURS),
    ],
)
def test_pictures_of_all_kinds_are_colours(frame, expected):
    (picture,) = animation.as_pictures([frame])
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, expected)


def test_dark_frames_are_scaled_like_the_bright_ones_beside_them():
    dark, bright = animation.as_pictures([np.full((2, 2), 0.5), np.full((2, 2), 200.0)])
    assert dark.max() == 0
    assert bright.min() == 200
    assert animation.as_pictures([np.full((2, 2), 0.2)])[0].min() == 51


def test_odd_and_growing_pictures_are_filled_up():
    small, large = animation.as_pictures([np.full((1, 3), 9, np.uint8), np.full((5, 2), 9)])
    assert small.shape == large.shape == (6, 4, 3)
    assert small.sum() == 3 * 3 * 9
    assert large.sum() == 10 * 3 * 9


@pytest.mark.parametrize(
    "frame", [np.zeros(3), np.zeros((2, 2, 2)), np.zeros((0, 2)), np.array([["a"]]), np.zeros(())]
)
def test_what_is_no_picture_is_told(frame):
    with pytest.raises(InputError, match=r"^the environment draws arrays of shape"):
        animation.as_pictures([frame])


@pytest.mark.parametrize("name", ["episode.gif", "episode.mp4", "EPISODE.MP4"])
def test_frames_are_read_back(tmp_path, name):
    frames = [np.full((33, 50), level, np.uint8) for level in (10, 120, 240)]
    path = tmp_path / name
    animation.refuse_unwritable(path)
    animation.write(path, frames)
    if path.suffix == ".gif":
        with Image.open(path) as read:
            assert (read.size, read.n_frames) == ((50, 34), 3)
        return
    reader = imageio_ffmpeg.read_frames(str(path))
    about = next(reader)
    assert (about["size"], about["fps"], about["codec"]) == ((50, 34), 10.0, "h264")
    levels = [np.frombuffer(frame, np.uint8).reshape(34, 50, 3)[:32].mean() for frame in reader]
    np.testing.assert_allclose(levels, [10, 120, 240], atol=3)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("episode.png", "must end in .gif or .mp4"),
        ("episode", "must end in .gif or .mp4"),
        ("missing/episode.gif", "a file in a folder that is there"),
    ],
)
def test_where_nothing_can_be_written_is_told_first(tmp_path, path, words):
    with pytest.raises(InputError, match=words):
        animation.refuse_unwritable(tmp_path / Path(path))
    (tmp_path / "folder.gif").mkdir()
    with pytest.raises(InputError, match="a file in a folder"):
        animation.refuse_unwritable(tmp_path / "folder.gif")
