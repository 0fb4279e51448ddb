"""What runs in environments come to: returns of evaluation episodes, and how old their data were.

Returns are summed over the agents; actions of evaluation episodes are sampled, as in training. What
is said of returns here goes for any other outcome of episodes, such as `won`.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import estimate, interquartile_mean, ratio
from marl_comm.analysis.runs import SeedRun
from marl_comm.analysis.selection import Unit
from marl_comm.arrays import Array, BoolArray

RETURN = "return"
"""The outcome that all episodes have."""

Actions = Literal["sampled", "greedy"]
"""How an evaluation chooses actions: as in training, or always the likeliest."""

LATE_EVALUATIONS = 3
"""Of how many evaluations at the end final numbers of long studies are means."""

_FIELDS = {"sampled": "evaluation_sampled_", "greedy": "evaluation_greedy_"}
_FIELD = _FIELDS["sampled"]


def outcomes(configuration: Configuration) -> list[str]:
    """Return what the evaluations of all of a configuration's seeds tell, the return first."""
    names = set.intersection(*(set(run.metrics) for run in configuration.seeds))
    found = sorted(name.removeprefix(_FIELD) for name in names if name.startswith(_FIELD))
    return [RETURN, *(name for name in found if name != RETURN)]


def evaluations(
    run: SeedRun, axis: str, outcome: str = RETURN, actions: Actions = "sampled"
) -> tuple[Array, Array]:
    """Return the counts at a seed's evaluations and its returns there, (evaluations,) each.

    Args:
        run: A seed.
        axis: A count of the metrics, such as "round" or "samples".
        outcome: What to return in the place of returns.
        actions: How the evaluation chose them.
    """
    figures = run.metrics[_FIELDS[actions] + outcome]
    evaluated = ~np.isnan(figures)
    return run.metrics[axis][evaluated], figures[evaluated]


def returns_on_grid(
    configuration: Configuration, axis: str, grid: Array, outcome: str = RETURN
) -> Array:
    """Return every seed's return at the points of a grid, (seeds, points); nan where unknown.

    A seed's return at x rounds (or samples) is that of its last evaluation by then. Between its
    first and its last evaluation it is known.
    """
    returns = np.full((len(configuration.seeds), grid.size), np.nan)
    for row, run in zip(returns, configuration.seeds, strict=True):
        counts, values = evaluations(run, axis, outcome)
        last = np.searchsorted(counts, grid, side="right") - 1
        known = (last >= 0) & (grid <= counts[-1])
        row[known] = values[last[known]]
    return returns


def final_returns(configuration: Configuration, outcome: str = RETURN) -> Array:
    """Return each seed's return at its last evaluation, (seeds,)."""
    return np.array([evaluations(run, "round", outcome)[1][-1] for run in configuration.seeds])


def late_returns(
    configuration: Configuration, outcome: str = RETURN, actions: Actions = "sampled"
) -> Array:
    """Return each seed's mean return over its last evaluations, (seeds,).

    There are `LATE_EVALUATIONS` of them; the first evaluation of all, before learning, is none.
    """
    found = (evaluations(run, "round", outcome, actions)[1][1:] for run in configuration.seeds)
    return np.array([returns[-LATE_EVALUATIONS:].mean() for returns in found])


def first_returns(configuration: Configuration, outcome: str = RETURN) -> Array:
    """Return each seed's return before it learns, (seeds,)."""
    return np.array([evaluations(run, "round", outcome)[1][0] for run in configuration.seeds])


def areas(configuration: Configuration, outcome: str = RETURN) -> Array:
    """Return the area under each seed's curve, as the mean over its evaluations, (seeds,)."""
    return np.array([evaluations(run, "round", outcome)[1].mean() for run in configuration.seeds])


def rounds_used(configuration: Configuration) -> Array:
    """Return each seed's communication rounds, (seeds,)."""
    return np.array([float(run.summary.rounds) for run in configuration.seeds])


def samples_used(configuration: Configuration) -> Array:
    """Return each seed's joint steps, those of evaluations not counted, (seeds,)."""
    return np.array([float(run.summary.samples) for run in configuration.seeds])


def on_old_data(run: SeedRun) -> BoolArray:
    """Return which points are of local updates on other policies' data, (points,) of bool.

    A policy that collected the data itself is at a divergence of 0 from its base.
    """
    return np.asarray(run.metrics["kl"] > 0)


def staleness_means(configuration: Configuration, field: str) -> Array:
    """Return each seed's mean of a figure over its local updates on old data, (seeds,).

    Args:
        configuration: Its seeds.
        field: Such as "ess", "kl", "kappa" or "cosine"; nan where it was not measured.

    Returns:
        nan for a seed that never used old data, or of which the figure was never measured.
    """
    means = []
    for run in configuration.seeds:
        values = run.metrics[field][on_old_data(run)] if field in run.metrics else np.array([])
        values = values[~np.isnan(values)]
        means.append(values.mean() if values.size else np.nan)
    return np.array(means)


def costs_of_return(configuration: Configuration, target: float, unit: Unit) -> Array:
    """Return what each seed had used when an evaluation first gave a return, (seeds,).

    Args:
        configuration: Its seeds.
        target: The return; evaluations are of finitely many episodes, so luck plays a part.
        unit: Bytes are those written and read, all agents together.

    Returns:
        `inf` for a seed that never reached it.
    """
    found = []
    for run in configuration.seeds:
        returns = run.metrics[_FIELD + RETURN]
        # An evaluation that did not take place is nan, and so not above anything.
        arrived = np.flatnonzero(returns >= target)
        if unit == "bytes":
            counts = run.metrics["bytes_up"] + run.metrics["bytes_down"]
        else:
            counts = run.metrics[unit]
        found.append(counts[arrived[0]] if arrived.size else np.inf)
    return np.array(found)


def paired(
    statistic: Callable[[Configuration], Array], one: Configuration, other: Configuration
) -> tuple[Array, Array]:
    """Return a statistic of both sides on the seeds that both have, in the same order.

    Args:
        statistic: From a configuration to a number per seed.
        one: The one side.
        other: The other.
    """
    first, second = (np.array([run.summary.seed for run in each.seeds]) for each in (one, other))
    _, ours, theirs = np.intersect1d(first, second, return_indices=True)
    return statistic(one)[ours], statistic(other)[theirs]


def share_lost(values: Array, reference: Array, before: Array) -> Estimate:
    """Return by how much values lie below a reference, as a share of what that one has gained.

    Undefined (nan) where the reference has gained nothing: shares of a loss would have the wrong
    sign. A constant added to all rewards does not change it. Interquartile means over seeds, of
    paired samples, (seeds,) each.

    Args:
        values: Returns after learning.
        reference: Of the reference, on the same seeds.
        before: Of the reference, before learning.
    """

    def statistic(strata: Sequence[Array]) -> Array:
        means = interquartile_mean(strata[0], axis=1)
        gained = means[..., 1] - means[..., 2]
        return np.where(gained > 0, ratio(means[..., 1] - means[..., 0], gained), np.nan)

    return estimate(statistic, np.stack([values, reference, before], axis=-1))


def share_regained(values: Array, fallen: Array, reference: Array) -> Estimate:
    """Return how far values lie above others that a reference exceeds, as a share of all of that.

    Undefined (nan) where the others do not lie below the reference. Interquartile means over
    seeds, of paired samples, (seeds,) each.

    Args:
        values: Returns after learning.
        fallen: Of what has lost against the reference, on the same seeds.
        reference: Of the reference.
    """
    return share_lost(-values, -fallen, -reference)  # the same, looked at from below
