"""Shares of returns in the long studies of MAPPO: what an arm loses, and what it regains."""

from functools import partial

import numpy as np

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import difference_of
from marl_comm.analysis.return_tables import Statistic, short
from marl_comm.analysis.returns import (
    areas,
    first_returns,
    late_returns,
    paired,
    share_lost,
    share_regained,
    staleness_means,
)
from marl_comm.paper.arms import (
    FULL,
    LARGE_BATCH,
    LARGER_FULL,
    PLAIN,
    REFERENCES,
    SAMPLING,
    Arm,
    of_arm,
    reference_of,
    with_as_many_steps,
)
from marl_comm.paper.arms_tables import played
from marl_comm.paper.figure import Configurations
from marl_comm.paper.text import markdown_table


def reference_for(configurations: Configurations, arm: Arm) -> Configuration:
    """Return full communication with updates as large as an arm's.

    For one large update that is the better of its two forms.

    Raises:
        LookupError: It was not played.
    """
    if arm in (LARGE_BATCH, PLAIN):
        return reference_of(configurations)[1]
    larger = arm.settings["learner.recompute_advantages"] is True
    alike = LARGER_FULL if larger else FULL
    found = of_arm(configurations, alike, None)
    if found is None:
        raise LookupError(f"no runs of {alike.label}")
    return found


def loss_of(
    configuration: Configuration, full: Configuration, statistic: Statistic = late_returns
) -> Estimate:
    """Return what runs lose against full communication, as a share of what that has gained.

    Args:
        configuration: Some runs.
        full: Of full communication.
        statistic: Returns of seeds, such as those of the last evaluations.
    """
    ours, theirs = paired(statistic, configuration, full)
    _, before = paired(first_returns, configuration, full)
    return share_lost(ours, theirs, before)


def losses_table(configurations: Configurations) -> str:
    """Return what each arm loses at the end, with the likeliest actions, and on the way."""
    rows = []
    for name, arm, period, each in played(configurations):
        if arm in REFERENCES or period is None:
            continue
        full = reference_for(configurations, arm)
        greedy = partial(late_returns, actions="greedy")
        losses = [loss_of(each, full, statistic) for statistic in (late_returns, greedy, areas)]
        rows.append([name, *(short(loss) for loss in losses)])
    return markdown_table(["", "at the end", "the same, likeliest actions", "on the way"], rows)


def regained_table(configurations: Configurations) -> str:
    """Return what others do better than importance sampling; empty where there are none."""
    full = of_arm(configurations, FULL, None)
    rows = []
    for name, arm, _, each in played(configurations):
        sampling = with_as_many_steps(configurations, SAMPLING, each)
        if full is None or sampling is None or arm is SAMPLING:
            continue
        ours, fallen = paired(late_returns, each, sampling)
        _, reference = paired(late_returns, each, full)
        cells = [short(share_regained(ours, fallen, reference))]
        for field in ("ess", "kl"):
            means = paired(partial(staleness_means, field=field), each, sampling)
            known = all(np.isfinite(side).all() for side in means)
            cells.append(short(difference_of(*means)) if known else "")
        rows.append([name, *cells])
    head = ["", "share regained", "ESS, minus importance sampling's", "KL, minus its"]
    return markdown_table(head, rows) if rows else ""
