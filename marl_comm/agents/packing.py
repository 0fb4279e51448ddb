"""Arrays as the bytes that travel, and back: nothing is added, both sides know the shapes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from marl_comm.arrays import AnyArray

Bytes: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"


@dataclass(frozen=True)
class Shape:
    """Of one array that travels.

    Attributes:
        sizes: Its axes.
        type: Of its numbers.
    """

    sizes: tuple[int, ...]
    type: np.dtype[Any]

    @property
    def bytes(self) -> int:
        """How many it takes."""
        return math.prod(self.sizes) * self.type.itemsize


def size_of(shapes: Sequence[Shape]) -> int:
    """Return how many bytes arrays of these shapes take together."""
    return sum(shape.bytes for shape in shapes)


def packed(arrays: Sequence[AnyArray]) -> Bytes:
    """Return the bytes of arrays, one after another."""
    parts = [np.ascontiguousarray(each).reshape(-1).view(np.uint8) for each in arrays]
    return np.concatenate(parts) if parts else np.empty(0, np.uint8)


def unpacked(data: Bytes, shapes: Sequence[Shape]) -> list[AnyArray]:
    """Return the arrays of these shapes that `packed` has made bytes of."""
    found, start = [], 0
    for shape in shapes:
        part = data[start : start + shape.bytes].copy()
        found.append(part.view(shape.type).reshape(shape.sizes))
        start += shape.bytes
    return found
