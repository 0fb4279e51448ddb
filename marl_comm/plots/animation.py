"""Frames of an episode as an animation, whatever kind of pictures an environment draws."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from marl_comm.arrays import AnyArray
from marl_comm.errors import InputError
from marl_comm.options.extras import install_line

_FORMATS = (".gif", ".mp4")
_FRAMES_PER_SECOND = 10


def refuse_unwritable(path: Path) -> None:
    """Check where an animation is to go, before anything is played.

    Raises:
        InputError: Its format is none that can be written, here, or its folder is not there.
    """
    if path.suffix.lower() not in _FORMATS:
        raise InputError(f"--render {path}: must end in {' or '.join(_FORMATS)}")
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"--render {path}: must be a file in a folder that is there")
    if path.suffix.lower() == ".mp4":
        try:
            import imageio_ffmpeg  # noqa: F401
        except ImportError as error:
            raise InputError(
                f"--render {path}: MP4 needs a package: "
                f"{install_line('video', 'imageio-ffmpeg')}; GIF needs none"
            ) from error


def write(path: Path, frames: Sequence[AnyArray]) -> None:
    """Write frames as an animation of 10 frames a second, GIF or MP4 as the name says.

    Args:
        path: Where to.
        frames: As `as_pictures` takes them, at least one.

    Raises:
        InputError: They are no pictures.
    """
    pictures = as_pictures(frames)
    if path.suffix.lower() == ".mp4":
        _write_mp4(path, pictures)
        return
    first, *others = [Image.fromarray(picture) for picture in pictures]
    duration = 1000 // _FRAMES_PER_SECOND
    first.save(path, save_all=True, append_images=others, duration=duration, loop=0)


def as_pictures(frames: Sequence[AnyArray]) -> list[AnyArray]:
    """Return frames as colours of 8 bits, all of one even size: (height, width, 3), uint8.

    Args:
        frames: (height, width), or with 1 (grey), 3 (colours) or 4 (and how opaque, which is left
            out) channels. Integers are from 0 to 255; other numbers are from 0 to 1, unless some
            frame has larger ones.

    Raises:
        InputError: They are something else.
    """
    coloured = [_coloured(np.asarray(frame)) for frame in frames]
    largest = max((float(np.nanmax(frame, initial=0.0)) for frame in coloured), default=0.0)
    height, width = (max(frame.shape[axis] for frame in coloured) for axis in (0, 1))
    pictures = []
    for frame in coloured:
        if frame.dtype.kind in "fb":
            frame = np.nan_to_num(frame.astype(np.float64)) * (255.0 if largest <= 1.0 else 1.0)
        picture = np.zeros((height + height % 2, width + width % 2, 3), np.uint8)
        picture[: frame.shape[0], : frame.shape[1]] = np.clip(np.round(frame), 0, 255)
        pictures.append(picture)
    return pictures


def _coloured(frame: AnyArray) -> AnyArray:
    grey = frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 1)
    colours = frame.ndim == 3 and frame.shape[2] in (3, 4)
    if not (grey or colours) or frame.dtype.kind not in "biuf" or frame.size == 0:
        raise InputError(
            f"the environment draws arrays of shape {frame.shape} of {frame.dtype}, must "
            "be (height, width), or that with 1, 3 or 4 channels, of numbers"
        )
    if grey:
        return np.repeat(frame.reshape(*frame.shape[:2], 1), 3, axis=2)
    return frame[..., :3]


def _write_mp4(path: Path, pictures: Sequence[AnyArray]) -> None:
    import imageio_ffmpeg

    height, width, _ = pictures[0].shape
    # Even sizes are all that the format asks for; by default they would be scaled to sixteens.
    writer = imageio_ffmpeg.write_frames(
        str(path), (width, height), fps=_FRAMES_PER_SECOND, macro_block_size=2
    )
    writer.send(None)
    try:
        for picture in pictures:
            writer.send(np.ascontiguousarray(picture))
    finally:
        writer.close()
