"""What an agent is given to see: checked against its space, laid out as numbers, mask apart."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from marl_comm.arrays import AnyArray, BoolArray

MASK = "action_mask"
"""What PettingZoo's environments call the mask of legal actions, in observations and infos."""

_NUMERIC = "biuf"  # kinds of numpy's types
_SLACK = 1e-5  # relative: what 32 bits round off is no fault

_Read = Callable[[Any, AnyArray], None]


class MismatchError(Exception):
    """What was given is not what was declared; says both, in words."""


class Observations:
    """How to read one agent's observations.

    Attributes:
        size: How many numbers they are, without the mask.
        masked: Whether a mask is a part of them.
        low: (size,), the least that each number may be.
        high: (size,), the most.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        """Take up a space.

        Raises:
            MismatchError: The space has no fixed size.
        """
        self._space = space
        self.masked = isinstance(space, spaces.Dict) and MASK in space.spaces
        seen = space
        if isinstance(space, spaces.Dict) and self.masked:
            rest = {name: part for name, part in space.spaces.items() if name != MASK}
            seen = spaces.Dict(rest)
        if not seen.is_np_flattenable:
            raise MismatchError(f"observations of no fixed size, {space}")
        self.size = spaces.flatdim(seen)
        self.low, self.high = _limits(seen, "low", -_SLACK), _limits(seen, "high", _SLACK)
        self._read = _reader(seen)

    def read(self, given: Any, numbers: AnyArray) -> None:
        """Write an observation into `numbers`, (size,); whether it is within limits is left open.

        Raises:
            MismatchError: It is not of the declared kind or shape.
        """
        if self.masked and isinstance(given, Mapping) and MASK in given:
            given = {name: part for name, part in given.items() if name != MASK}
        self._read(given, numbers)

    def out_of_range(self, numbers: AnyArray) -> MismatchError:
        """Return what to say about numbers of which some are beyond their limits."""
        place = int(np.flatnonzero((numbers < self.low) | (numbers > self.high))[0])
        return MismatchError(
            f"{numbers[place]:g} (number {place} of {self.size}), declared {self._space}"
        )


def mask_of(given: Any, parts: Sequence[int]) -> BoolArray:
    """Return a mask as bools, all parts after each other, (sum of the parts' choices,).

    Args:
        given: 0 or 1 for each choice; of several parts one after the other, or in a sequence.
        parts: How many choices there are in each part.

    Raises:
        MismatchError: It is not of that size, has other numbers, or leaves no choice in a part.
    """
    size = sum(parts)
    try:
        if isinstance(given, tuple | list) and len(parts) > 1 and len(given) == len(parts):
            given = np.concatenate([np.ravel(part) for part in given])
        mask = np.asarray(given)
    except ValueError as error:
        raise MismatchError(f"a mask that is no array ({error})") from error
    if mask.size != size or mask.dtype.kind not in _NUMERIC:
        raise MismatchError(f"{_described(given)} as {MASK}, but has {size} choices")
    legal: BoolArray = mask.ravel() != 0
    if mask.dtype.kind != "b" and not np.array_equal(mask.ravel(), legal):
        raise MismatchError(f"{MASK} {mask.ravel().tolist()}, of which some are neither 0 nor 1")
    first = 0
    for choices in parts:
        if not legal[first : first + choices].any():
            raise MismatchError(f"{MASK} {mask.ravel().tolist()}, which leaves it no choice")
        first += choices
    return legal


def _limits(space: spaces.Space[Any], end: str, slack: float) -> AnyArray:
    """Return the limits of a space's numbers, (size,), with room for what 32 bits round off."""
    exact = np.concatenate([np.zeros(0), *_exact_limits(space, end)])
    with np.errstate(over="ignore"):
        limits: AnyArray = (exact + slack * np.maximum(1.0, np.abs(exact))).astype(np.float32)
    return limits


def _exact_limits(space: spaces.Space[Any], end: str) -> Iterator[AnyArray]:
    """Yield the limits of a space's numbers, in the order in which they are laid out."""
    if isinstance(space, spaces.Box):
        yield getattr(space, end).ravel().astype(np.float64)
    elif isinstance(space, spaces.Dict | spaces.Tuple):
        parts = space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces
        for part in parts:
            yield from _exact_limits(part, end)
    else:  # checked as they are read
        limit = -np.inf if end == "low" else np.inf
        yield np.full(spaces.flatdim(space), limit)


def _reader(space: spaces.Space[Any]) -> _Read:
    if isinstance(space, spaces.Box):
        return _box_reader(space)
    if isinstance(space, spaces.Discrete):
        return _choice_reader(space)
    if isinstance(space, spaces.Dict):
        return _dict_reader(space)
    if isinstance(space, spaces.Tuple):
        return _tuple_reader(space)
    shape = space.shape

    def read(given: Any, numbers: AnyArray) -> None:
        if shape is not None:
            array = _array(given, space)
            if array.shape != shape or array.dtype.kind not in _NUMERIC:
                raise MismatchError(f"{_described(given)}, declared {space}")
            given = array.astype(space.dtype)
            if not np.array_equal(given, array):
                raise MismatchError(f"{_described(array)}, declared {space}")
        if not space.contains(given):
            raise MismatchError(f"{_described(given)}, declared {space}")
        numbers[:] = spaces.flatten(space, given)

    return read


def _box_reader(space: spaces.Box) -> _Read:
    shape, scalar = space.shape, space.shape == ()

    def read(given: Any, numbers: AnyArray) -> None:
        array = given if isinstance(given, np.ndarray) else _array(given, space)
        if array.shape != shape or array.dtype.kind not in _NUMERIC:
            raise MismatchError(f"{_described(given)}, declared {space}")
        numbers[:] = array if scalar else array.ravel()

    return read


def _choice_reader(space: spaces.Discrete) -> _Read:
    start, size = int(space.start), int(space.n)

    def read(given: Any, numbers: AnyArray) -> None:
        array = _array(given, space)
        if array.size != 1 or array.dtype.kind not in _NUMERIC:
            raise MismatchError(f"{_described(given)}, declared {space}")
        place = float(array.item()) - start
        if place not in range(size):
            raise MismatchError(f"{_described(given)}, declared {space}")
        numbers[:] = 0.0
        numbers[int(place)] = 1.0

    return read


def _dict_reader(space: spaces.Dict) -> _Read:
    parts = _parts(space.spaces)

    def read(given: Any, numbers: AnyArray) -> None:
        if not isinstance(given, Mapping) or set(given) != set(space.spaces):
            raise MismatchError(f"{_described(given)}, declared {space}")
        for name, read, first, last in parts:
            read(given[name], numbers[first:last])

    return read


def _tuple_reader(space: Any) -> _Read:
    parts = _parts(dict(enumerate(space.spaces)))

    def read(given: Any, numbers: AnyArray) -> None:
        if not isinstance(given, tuple | list) or len(given) != len(parts):
            raise MismatchError(f"{_described(given)}, declared {space}")
        for place, read, first, last in parts:
            read(given[place], numbers[first:last])

    return read


def _parts(named: Mapping[Any, spaces.Space[Any]]) -> list[tuple[Any, _Read, int, int]]:
    found, first = [], 0
    for name, part in named.items():
        last = first + spaces.flatdim(part)
        found.append((name, _reader(part), first, last))
        first = last
    return found


def _array(given: Any, space: spaces.Space[Any]) -> AnyArray:
    try:
        return np.asarray(given)
    except Exception as error:  # whatever an object of the environment's own raises
        raise MismatchError(f"{_described(given)}, declared {space}") from error


def _described(given: Any) -> str:
    """Return what something is, in few words."""
    if isinstance(given, np.ndarray) and given.size != 1:
        return f"an array of shape {given.shape} of {given.dtype}"
    if isinstance(given, Mapping):
        return f"a mapping with the keys {', '.join(map(str, given))}"
    text = " ".join(repr(given).split())
    return f"{type(given).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
