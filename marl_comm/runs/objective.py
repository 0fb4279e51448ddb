"""What a run returns to sweepers that search for good values: numbers to be made small."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

Result = float | list[float]
"""One number, or one for each of several objectives."""


def objective_of(seeds: Sequence[Mapping[str, Any]], wanted: Sequence[str] | None) -> Result:
    """Return a run's objective, always better the smaller it is.

    Args:
        seeds: The `seeds` of its summary.
        wanted: Its setting `metrics.objective`: `nash_gap`, mean over the seeds; `return`, minus
            the mean return; `won`, minus the mean share of episodes won; `rounds_to:GAP`
            and `bytes_to:GAP`, what it took to get to a gap, median over the seeds, where a seed
            that did not get there counts as infinite. None for the gap where it is known, else
            minus the return.
    """
    if wanted is None:
        return _number(seeds, "nash_gap" if "nash_gap" in seeds[0] else "return")
    numbers = [_number(seeds, objective) for objective in wanted]
    return numbers[0] if len(numbers) == 1 else numbers


def unknown(wanted: Sequence[str] | None) -> Result:
    """Return the objective of a run that another process is at work on."""
    return math.nan if wanted is None or len(wanted) == 1 else [math.nan] * len(wanted)


def _number(seeds: Sequence[Mapping[str, Any]], objective: str) -> float:
    name, _, gap = objective.partition(":")
    if name == "nash_gap":
        return fmean(seed["nash_gap"] for seed in seeds)
    if name == "return":
        key = "value" if "value" in seeds[0] else "evaluation_sampled_return"
        return -fmean(seed[key] for seed in seeds)
    if name == "won":
        return -fmean(seed["evaluation_sampled_won"] for seed in seeds)
    reached = [seed["reached"][format(float(gap), "g")] for seed in seeds]
    return float(median(_taken(each, name) for each in reached))


def _taken(reached: Mapping[str, int] | None, name: str) -> float:
    if reached is None:
        return math.inf
    return reached["round"] if name == "rounds_to" else reached["bytes_up"] + reached["bytes_down"]
