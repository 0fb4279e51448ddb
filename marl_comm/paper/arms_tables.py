"""Tables of the long studies of MAPPO, in Markdown."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import difference_of, mean_of
from marl_comm.analysis.power import smallest_detectable_effect
from marl_comm.analysis.return_tables import short
from marl_comm.analysis.returns import (
    Actions,
    late_returns,
    paired,
    rounds_used,
    samples_used,
    staleness_means,
)
from marl_comm.analysis.text import number
from marl_comm.arrays import Array
from marl_comm.paper.arms import (
    FULL,
    LARGE_BATCH,
    PLAIN,
    PREDICTION,
    REFERENCES,
    SAMPLING,
    Arm,
    adaptive,
    found_arms,
    having,
    of_arm,
    periods,
    reference_of,
    tuned_beforehand,
    with_as_many_steps,
)
from marl_comm.paper.figure import Configurations
from marl_comm.paper.text import markdown_table

RATE = "learner.learning_rate"

Played = tuple[str, Arm, int | None, Configuration]


def played(configurations: Configurations) -> Iterator[Played]:
    """Yield name, arm, period and runs of all that was played, full communication first."""
    for arm, period in [
        *((arm, None) for arm in REFERENCES),
        *((arm, each) for each in periods(configurations) for arm in found_arms(configurations)),
    ]:
        configuration = of_arm(configurations, arm, period)
        if configuration is not None:
            name = arm.label if period is None else f"{arm.label}, τ = {period}"
            yield name, arm, period, configuration
    for threshold, configuration in sorted(adaptive(configurations).items(), reverse=True):
        name = f"{SAMPLING.label}, a round once ESS is below {threshold:g}"
        yield name, SAMPLING, None, configuration


def study_table(configurations: Configurations) -> str:
    """Return what each arm came to at each period."""
    rows = []
    for name, _, _, each in played(configurations):
        measures = (
            rounds_used(each),
            samples_used(each),
            late_returns(each),
            late_returns(each, actions="greedy"),
            staleness_means(each, "ess"),
            staleness_means(each, "kl"),
        )
        rows.append([name, str(len(each.seeds)), *(short(mean_of(of)) for of in measures)])
    head = ["", "seeds", "rounds", "joint steps", "return, sampled", "return, greedy", "ESS", "KL"]
    return markdown_table(head, rows)


def differences_table(configurations: Configurations, actions: Actions = "sampled") -> str:
    """Return each arm's paired differences, and how small ones could have been found.

    From arms that collect as many joint steps a round.

    Args:
        configurations: Of one environment and length.
        actions: How evaluations chose them.
    """
    full, best = reference_of(configurations)
    rows = []
    statistic = partial(late_returns, actions=actions)
    for name, _, _, each in played(configurations):
        at = [with_as_many_steps(configurations, arm, each) for arm in (SAMPLING, LARGE_BATCH)]
        references = [best, *at]
        if each is best:
            continue
        cells = []
        for reference in references:
            if reference is None or reference is each:
                cells += ["", ""]
                continue
            ours, theirs = paired(statistic, each, reference)
            effect = smallest_detectable_effect(ours - theirs)
            cells += [short(difference_of(ours, theirs)), number(effect)]
        rows.append([name, *cells])
    head = [""]
    for name in (full.label, SAMPLING.label, LARGE_BATCH.label):
        head += [f"minus {name}", "smallest detectable"]
    return markdown_table(head, rows)


def rates_table(configurations: Configurations) -> str:
    """Return the grid of learning rates; empty where there is none."""
    grid = tuned_beforehand(configurations)
    rates = sorted({each.config[RATE] for each in grid})
    rows = []
    for arm in (FULL, PREDICTION, SAMPLING, LARGE_BATCH, PLAIN):
        found = [having(grid, {**arm.settings, RATE: rate}) for rate in rates]
        if not found or not all(found):
            continue
        returns = [late_returns(each) for (each,) in found]
        best = int(np.argmax([values.mean() for values in returns]))
        cells = [_with_error(values) for values in returns]
        cells[best] = f"**{cells[best]}**"
        rows.append([arm.label, *cells])
    return markdown_table(["learning rate", *(f"{rate:g}" for rate in rates)], rows) if rows else ""


def _with_error(values: Array) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():.1f} ± {error:.1f}"
