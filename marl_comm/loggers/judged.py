"""What a run is judged by."""

from collections.abc import Mapping, Sequence
from typing import Any

_FIGURES = ("nash_gap", "evaluation_sampled_return")  # of several the first that is known


def judged_by(figures: Sequence[Mapping[str, Any]]) -> tuple[str, list[float]] | None:
    """Return the figure that a run is judged by, and its value for each seed that has one.

    Args:
        figures: Of each seed: the last known ones, or those of its summary.

    Returns:
        None where there is neither a Nash gap nor a return.
    """
    for name in _FIGURES:
        if values := [float(each[name]) for each in figures if each.get(name) is not None]:
            return name, values
    return None
