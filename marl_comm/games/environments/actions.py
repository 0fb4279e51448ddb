"""From numbers or choices to actions as an environment's own spaces have them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from marl_comm.arrays import AnyArray


@dataclass(frozen=True)
class Actions:
    """One agent's actions.

    Attributes:
        parts: How many choices there are in each part; empty where actions are numbers.
        numbers: How many numbers an action is, where it is numbers.
        move: Turns one choice per part, or numbers of which -1 and 1 stand for the ends of their
            ranges and those beyond are clipped, into an action of the space.
    """

    parts: tuple[int, ...]
    numbers: int
    move: Callable[[Sequence[Any] | AnyArray], Any]

    @classmethod
    def of(cls, space: spaces.Space[Any]) -> "Actions | None":
        """Return those of a space; None where it is not made of choices or bounded numbers only."""
        if isinstance(space, spaces.Discrete):
            return cls._choice(space)
        if isinstance(space, spaces.MultiDiscrete):
            return cls._choices(space)
        if isinstance(space, spaces.MultiBinary):
            shape, kind = space.shape, space.dtype
            size = math.prod(shape)
            return cls((2,) * size, 0, lambda c: np.asarray(c[:size]).reshape(shape).astype(kind))
        if isinstance(space, spaces.Box):
            if not space.is_bounded("both"):
                return None
            scaled = _integers(space) if space.dtype.kind in "biu" else _reals(space)
            return cls((), math.prod(space.shape), scaled)
        if isinstance(space, spaces.Tuple):
            return cls._joined(list(space.spaces), tuple)
        if isinstance(space, spaces.Dict):
            names = list(space.spaces)
            return cls._joined(
                list(space.spaces.values()), lambda moves: dict(zip(names, moves, strict=True))
            )
        return None

    @classmethod
    def _choice(cls, space: Any) -> "Actions":
        start = int(space.start)
        return cls((int(space.n),), 0, lambda choices: start + int(choices[0]))

    @classmethod
    def _choices(cls, space: Any) -> "Actions":
        sizes, start = space.nvec.ravel(), space.start.ravel()

        def move(choices: Sequence[Any] | AnyArray) -> AnyArray:
            chosen = start + np.asarray(choices[: len(sizes)])
            shaped: AnyArray = chosen.reshape(space.shape).astype(space.dtype)
            return shaped

        return cls(tuple(sizes.tolist()), 0, move)

    @classmethod
    def _joined(cls, parts: Sequence[Any], join: Callable[[Any], Any]) -> "Actions | None":
        found = [Actions.of(part) for part in parts]
        actions = [part for part in found if part is not None]
        kinds = {bool(part.parts) for part in actions}
        if not actions or len(actions) < len(parts) or len(kinds) > 1:
            return None
        sizes = [len(part.parts) or part.numbers for part in actions]
        ends = np.cumsum([0, *sizes]).tolist()

        def move(given: Sequence[Any] | AnyArray) -> Any:
            return join(
                part.move(given[first:last])
                for part, first, last in zip(actions, ends[:-1], ends[1:], strict=True)
            )

        together = sum((part.parts for part in actions), ())
        return cls(together, sum(part.numbers for part in actions), move)


_ONE = 2**53  # the digits of a double: products of integers stay exact


def _shares(given: Any, shape: tuple[int, ...]) -> AnyArray:
    """Return how far along its range each number is, in [0, 1]."""
    numbers = np.asarray(given[: math.prod(shape)], dtype=np.float64)
    shares: AnyArray = 0.5 * (np.clip(numbers, -1.0, 1.0) + 1.0)
    return shares.reshape(shape)


def _reals(space: Any) -> Callable[[Any], AnyArray]:
    # Twice as exact as the space, as far as can be; and no difference of limits can overflow.
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)

    def move(given: Any) -> AnyArray:
        share = _shares(given, space.shape)
        exact = (low * (1.0 - share) + high * share).astype(space.dtype)
        limited: AnyArray = np.clip(exact, space.low, space.high)
        return limited

    return move


def _integers(space: Any) -> Callable[[Any], AnyArray]:
    """Give every integer an equal share of the range."""
    # Python's own integers, which do not overflow: limits may be as large as the type allows.
    limits = [
        (int(low), int(high)) for low, high in zip(space.low.flat, space.high.flat, strict=True)
    ]

    def move(given: Any) -> AnyArray:
        shares = _shares(given, space.shape).flat
        chosen = [
            min(low + (int(share * _ONE) * (high - low + 1) // _ONE), high)
            for share, (low, high) in zip(shares, limits, strict=True)
        ]
        return np.array(chosen, dtype=space.dtype).reshape(space.shape)

    return move
