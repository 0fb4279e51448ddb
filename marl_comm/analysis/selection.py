"""Picking configurations by their settings, and reading costs off them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from marl_comm.analysis.configurations import Configuration
from marl_comm.arrays import Array, BoolArray

Unit = Literal["round", "local_step", "samples", "bytes"]


def where(
    configurations: Sequence[Configuration], settings: Mapping[str, Any]
) -> list[Configuration]:
    """Return the configurations that have all the given settings, by dotted key."""
    return [
        each
        for each in configurations
        if all(key in each.config and each.config[key] == value for key, value in settings.items())
    ]


def only(configurations: Sequence[Configuration], settings: Mapping[str, Any]) -> Configuration:
    """Return the one configuration that has the given settings.

    Raises:
        LookupError: There is none, or more than one.
    """
    found = where(configurations, settings)
    if len(found) != 1:
        raise LookupError(f"{len(found)} configurations have {dict(settings)}, expected one")
    return found[0]


def values_of(configurations: Sequence[Configuration], key: str) -> list[Any]:
    """Return the different values of a setting, ascending, None last."""
    values = {each.config[key] for each in configurations if key in each.config}
    return sorted(values, key=lambda value: (value is None, value))


def of_the_same_seeds(configurations: Sequence[Configuration]) -> Sequence[Configuration]:
    """Return configurations whose seeds are the same in the same order, so that rows are pairs.

    Raises:
        LookupError: They are not.
    """
    found = {tuple(run.summary.seed for run in each.seeds) for each in configurations}
    if len(found) > 1:
        seeds = " and of ".join(map(str, sorted(found)))
        raise LookupError(f"configurations to be compared seed by seed have runs of seeds {seeds}")
    return configurations


def costs(configuration: Configuration, threshold: float, unit: Unit) -> Array:
    """Return what each seed had used when it first reached a gap, (seeds,); `inf` for never.

    Args:
        configuration: Whose seeds.
        threshold: A gap that was recorded.
        unit: Bytes are those written and read, all agents together.
    """
    found = []
    for run in configuration.seeds:
        reached = run.summary.reached[threshold]
        if reached is None:
            found.append(np.inf)
        elif unit == "bytes":
            found.append(float(reached.bytes_up + reached.bytes_down))
        else:
            found.append(float(getattr(reached, unit)))
    return np.array(found)


def least_rounds(configuration: Configuration, threshold: float) -> Array:
    """Return the fewest rounds in which each seed can have reached a gap, (seeds,).

    Of a seed that was ended before, these are what it had used, and one more if a round was due:
    if local updates ran out within a round, a longer run might have needed no other. A trigger that
    did not fire once in a whole run is not ended early: learning has stopped, so `inf`.

    Args:
        configuration: Whose seeds.
        threshold: A gap that was recorded.
    """
    found = []
    due_anyhow = configuration.config["communication.name"] == "periodic"
    of_warmup = configuration.config.get("communication.warmup") is not None
    for run in configuration.seeds:
        reached = run.summary.reached[threshold]
        if reached is None and not due_anyhow and run.summary.rounds <= 1 + of_warmup:
            found.append(np.inf)
        elif reached is None:
            was_due = run.summary.stopped_by == "communication_budget"
            found.append(float(run.summary.rounds + was_due))
        else:
            found.append(float(reached.round))
    return np.array(found)


def paired_costs(
    one: Configuration, other: Configuration, threshold: float, unit: Unit
) -> tuple[Array, Array]:
    """Return both sides' costs on the seeds that both have, in the same order."""
    seeds_of_one = {run.summary.seed for run in one.seeds}
    shared = sorted(seeds_of_one & {run.summary.seed for run in other.seeds})
    sides = []
    for configuration in (one, other):
        of_seed = dict(
            zip(
                [run.summary.seed for run in configuration.seeds],
                costs(configuration, threshold, unit),
                strict=True,
            )
        )
        sides.append(np.array([of_seed[seed] for seed in shared]))
    return sides[0], sides[1]


def final_gaps(configuration: Configuration) -> Array:
    """Return the Nash gap with which each seed ended, (seeds,)."""
    return np.array([run.metrics["nash_gap"][-1] for run in configuration.seeds])


def ends_above(configuration: Configuration, gap: float) -> BoolArray:
    """Return which seeds do not end at or below a gap, (seeds,); what is not a number does not."""
    return np.asarray(~(final_gaps(configuration) <= gap))
