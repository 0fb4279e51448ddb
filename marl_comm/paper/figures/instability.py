"""Where importance sampling becomes unstable: the seeds that fail, and how their gaps grow."""

from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import Estimate, share
from marl_comm.analysis.interquartile import estimate
from marl_comm.analysis.returns import paired
from marl_comm.analysis.selection import ends_above, final_gaps, only, values_of
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence
from marl_comm.paper.text import markdown_table
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top, reference_line
from marl_comm.plots.style import BLUE, RC_PARAMS, SKY_BLUE, VERMILION, WIDTH, Look

_GAMES = tuple((game, agents) for game in ("coverage", "congestion") for agents in (12, 40))
_ESTIMATORS = ("self_normalised", "bounded")
_FAILED = 0.05  # a final Nash gap above it, as in the claims
_CONVERGED = 1e-4  # smaller gaps count as this
_PERIOD, _MISSING = "communication.period", "communication.probability"
_ASKED = {_PERIOD: 300, _MISSING: 0.998}
_LEAST_SHARE, _LEAST_GROWTH = 0.1, 2.0  # as in the claims
_ASKED_FOR = "thresholds of the claims"
_LOOKS = {
    ("self_normalised", _PERIOD): Look(VERMILION, "-", "^"),
    ("self_normalised", _MISSING): Look("#E8A27C", "--", "v"),
    ("bounded", _PERIOD): Look(BLUE, "-", "o"),
    ("bounded", _MISSING): Look(SKY_BLUE, "--", "s"),
}
_HOW = {_PERIOD: "fixed intervals", _MISSING: "missing at random"}


def growth(gaps: Array, reference: Array) -> Estimate:
    """Return the geometric mean of the ratios of paired gaps, no seed left out.

    Args:
        gaps: (seeds,).
        reference: (seeds,), of the same seeds.
    """
    logs = np.log(np.maximum(gaps, _CONVERGED)) - np.log(np.maximum(reference, _CONVERGED))
    return estimate(lambda strata: np.exp(strata[0].mean(axis=1)), logs)


def draw(configurations: Configurations) -> Figure:
    """Draw a column for each game and size: the share that fails, and the growth of the gap."""
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 5.0), layout="constrained")
        panels = figure.subplots(2, len(_GAMES), sharex=True, sharey="row")
        for column, (game, agents) in enumerate(_GAMES):
            for (estimator, schedule), look in _LOOKS.items():
                values = values_of(configurations, schedule)
                found = [
                    _of(configurations, game, agents, estimator, schedule, value)
                    for value in values
                ]
                lengths = [1 / (1 - each) if schedule == _MISSING else each for each in values]
                name = f"{estimator.replace('_', '-')}, {_HOW[schedule]}"
                shares = [share(ends_above(each, _FAILED)) for each in found]
                draw_estimates(panels[0, column], lengths, shares, look, name)
                often = _often(configurations, game, agents, estimator)
                grown = [growth(*paired(final_gaps, each, often)) for each in found]
                draw_estimates(panels[1, column], lengths, grown, look, name)
            panels[0, column].set_title(f"{game}\n{agents} agents")
            panels[1, column].set_xlabel("mean local updates\na round")
            panels[1, column].set_xscale("log")
            reference_line(panels[0, column], _ASKED_FOR, y=_LEAST_SHARE)
            reference_line(panels[1, column], _ASKED_FOR, y=_LEAST_GROWTH)
        panels[1, 0].set_yscale("log")
        panels[0, 0].set_ylim(-0.04, 1.06)
        panels[0, 0].set_ylabel("share of seeds\nthat fail")
        panels[1, 0].set_ylabel("final gap over that with\na round each update")
        legend_on_top(figure, columns=2)
    return figure


def evidence(configurations: Configurations) -> list[Evidence]:
    """Measure failures at the longest interval, and growth where most data are missing."""
    found = []
    for game, agents in _GAMES:
        for estimator in _ESTIMATORS:
            setting = f"{game}, {agents} agents, {estimator}"
            key = (game, agents, estimator)
            rare = _of(configurations, *key, _PERIOD, _ASKED[_PERIOD])
            failed = ends_above(rare, _FAILED)
            note = f"{int(failed.sum())} of {len(failed)}"
            found.append(Evidence("instability_share", setting, share(failed), note))
            missing = _of(configurations, *key, _MISSING, _ASKED[_MISSING])
            grown = growth(*paired(final_gaps, missing, _often(configurations, *key)))
            found.append(Evidence("instability_gap", setting, grown))
    return found


def finding(configurations: Configurations) -> list[str]:
    """Say where it begins."""
    rows = []
    for game, agents in _GAMES:
        for estimator in _ESTIMATORS:
            cells = [f"`{game}`, {agents} agents, {estimator}"]
            for schedule in (_PERIOD, _MISSING):
                values = values_of(configurations, schedule)
                found = [
                    _of(configurations, game, agents, estimator, schedule, value)
                    for value in values
                ]
                shares = [share(ends_above(each, _FAILED)) for each in found]
                often = _often(configurations, game, agents, estimator)
                grown = [growth(*paired(final_gaps, each, often)) for each in found]
                cells += [
                    _begins(values, shares, _LEAST_SHARE),
                    _begins(values, grown, _LEAST_GROWTH),
                ]
            rows.append(cells)
    head = ["", "τ: failures", "τ: gap", "p: failures", "p: gap"]
    return [
        "Where it begins: the smallest τ (local updates a round) and p (probability that data are "
        f"missing) at which more than {_LEAST_SHARE:g} of the seeds fail, or the final gap is more "
        f"than {_LEAST_GROWTH:g} times that with a round at each update, each with its whole 95 % "
        "interval; behind it the value there. A dash: nowhere up to τ = 300 and p = 0.998.",
        markdown_table(head, rows),
    ]


def _begins(values: list[Any], estimates: list[Estimate], least: float) -> str:
    for value, each in zip(values, estimates, strict=True):
        if each.low > least:
            return f"{value:g}: {in_words(each)}"
    return "-"


def _often(configurations: Configurations, game: str, agents: int, estimator: str) -> Configuration:
    """Return the runs with a round at each update, in which no data are missing."""
    return _of(configurations, game, agents, estimator, _PERIOD, 1)


def _of(
    configurations: Configurations,
    game: str,
    agents: int,
    estimator: str,
    schedule: str,
    value: float,
) -> Configuration:
    settings = {"game.name": game, "game.agents": agents, "learner.estimator": estimator}
    return only(configurations, {**settings, schedule: value})


FIGURE = PaperFigure(
    name="instability",
    number=21,
    title="Importance sampling becomes unstable in some games as rounds grow rare",
    experiments=("instability", "instability_missing"),
    caption=(
        "Importance sampling, 3000 local updates of step size 2, 6 actions, no warm-up, 1000 "
        "samples in each round that takes place; so the farther to the right, the fewer samples "
        "were used. Top: share of seeds that end with a Nash gap above 0.05 (bands: exact 95 % "
        "interval). Bottom: geometric mean over all seeds of the final gap over that of the same "
        "seed with a round at each update, gaps below 0.0001 counting as 0.0001 (bands: 95 % "
        "bootstrap interval). Dotted: the thresholds of the claims. Missing at random: each "
        "update's data get through with a fixed probability."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick={"instability": ("num_seeds=8",), "instability_missing": ("num_seeds=8",)},
)
