"""A run's summary as a table of its seeds, and as the one line it is in the table of a sweep."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

ARRIVAL_COUNTS = ("round", "local_step", "samples", "bytes_up", "bytes_down")
"""What the summary says of a seed's arrival at a gap threshold."""


def sweep_numbers(seeds: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Return the columns of a sweep's table.

    Args:
        seeds: The `seeds` of a run's summary.

    Returns:
        `final/KEY`, the mean over seeds of every final count and figure;
        `reached/THRESHOLD/seeds`, how many seeds got there; and `reached/THRESHOLD/COUNT`, the
        median over all seeds of what it took, a seed that did not get there counting as
        infinite; None where the median is infinite. Games without exact figures have no
        thresholds to reach.
    """
    numbers: dict[str, float | None] = {}
    for key, first in seeds[0].items():
        if key != "seed" and isinstance(first, Real):
            numbers[f"final/{key}"] = _finite(np.mean([seed[key] for seed in seeds]))
    for threshold in seeds[0].get("reached", ()):
        arrivals = [seed["reached"][threshold] for seed in seeds]
        numbers[f"reached/{threshold}/seeds"] = sum(arrival is not None for arrival in arrivals)
        for count in ARRIVAL_COUNTS:
            taken = [math.inf if arrival is None else arrival[count] for arrival in arrivals]
            numbers[f"reached/{threshold}/{count}"] = _finite(np.median(taken))
    return numbers


def seed_table(seeds: Sequence[Mapping[str, Any]]) -> tuple[list[str | int], list[list[Any]]]:
    """Return the column names and the rows, one per seed, of the table `seeds`.

    Args:
        seeds: The `seeds` of a run's summary.
    """
    plain = [key for key in seeds[0] if key != "reached"]
    arrivals = [
        (threshold, count) for threshold in seeds[0].get("reached", ()) for count in ARRIVAL_COUNTS
    ]
    columns: list[str | int] = [
        *plain,
        *(f"reached/{threshold}/{count}" for threshold, count in arrivals),
    ]
    data = [
        [
            *(seed[key] for key in plain),
            *((seed["reached"][threshold] or {}).get(count) for threshold, count in arrivals),
        ]
        for seed in seeds
    ]
    return columns, data


def _finite(number: np.floating[Any]) -> float | None:
    return float(number) if np.isfinite(number) else None
