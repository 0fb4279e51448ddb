"""The two regimes of MAPPO, and what their figures share."""

from collections.abc import Sequence
from typing import Any

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.selection import only, where

REGIMES: dict[str, dict[str, Any]] = {
    "predictable": {"learner.betas": [0.99, 0.999]},
    "ordinary": {"learner.betas": [0.9, 0.999]},
}
"""What tells the runs of `mappo_predictable` from those of `mappo_ordinary`."""

PERIOD = "communication.period"

# Overrides that make runs small; figures that share runs must share them.
SMALL = ("num_seeds=6", "max_local_steps=40", "game.evaluation_copies=16")
SMALL_PREDICTABLE = (*SMALL, "game.copies=32")


def periods(configurations: Sequence[Configuration]) -> list[int]:
    """Return the numbers of local updates per round that were run, ascending."""
    return sorted({int(each.config[PERIOD]) for each in configurations if PERIOD in each.config})


def of_regime(
    configurations: Sequence[Configuration], regime: str, algorithm: str, period: int | None
) -> Configuration:
    """Return the runs of a regime and algorithm, with a round every `period` local updates.

    Args:
        configurations: Those of `mappo_curves`.
        regime: One of `REGIMES`.
        algorithm: Its name.
        period: None for full communication, which has none.

    Raises:
        LookupError: There are none.
    """
    settings = {**REGIMES[regime], "algorithm.name": algorithm}
    return only(configurations, settings if period is None else {**settings, PERIOD: period})


def runs_of_regime(configurations: Sequence[Configuration], regime: str) -> list[Configuration]:
    """Return all runs of a regime."""
    return where(configurations, REGIMES[regime])


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its first column to the left and numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
