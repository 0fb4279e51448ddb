"""Figures that environments give besides rewards: logged where they are numbers, else ignored."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import numpy as np

MOST_NAMES = 100
"""Figures that a run logs; whatever has further names is not logged."""

_LONGEST_NAME = 100


def info_name(name: str) -> str:
    """Return what a figure is logged as that an environment calls `name`."""
    return f"info_{name}"


def is_mapping(given: Any) -> TypeGuard[Mapping[Any, Any]]:
    """Return whether something is a mapping; quick for dicts, which nearly all are."""
    return type(given) is dict or isinstance(given, Mapping)


def means(infos: Any) -> dict[str, float]:
    """Return finite numbers in agents' infos by logged name, means over the agents with them.

    Args:
        infos: By agent, mappings of names to whatever an environment likes to tell.
    """
    given: dict[str, list[float]] = {}
    for name, number in _numbers(infos):
        given.setdefault(name, []).append(number)
    return {info_name(name): sum(numbers) / len(numbers) for name, numbers in given.items()}


def _numbers(infos: Any) -> Iterator[tuple[str, float]]:
    if not is_mapping(infos):
        return
    for info in infos.values():
        if not is_mapping(info):
            continue
        for name, figure in info.items():
            if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable():
                number = _number(figure)
                if number is not None:
                    yield name, number


def _number(figure: Any) -> float | None:
    try:
        array = np.asarray(figure)
        if array.size != 1 or array.dtype.kind not in "biuf":
            return None
        number = float(array.item())
    except Exception:  # nested lists, and objects that cannot be an array
        return None
    return number if np.isfinite(number) else None
