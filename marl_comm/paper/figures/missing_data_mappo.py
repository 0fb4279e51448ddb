"""MAPPO's final return against how often new data are missing."""

from functools import partial
from math import isnan

from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import difference_of, mean_of
from marl_comm.analysis.return_tables import Statistic
from marl_comm.analysis.returns import (
    final_returns,
    paired,
    rounds_used,
    samples_used,
    staleness_means,
)
from marl_comm.analysis.selection import only, values_of
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.regimes import SMALL_PREDICTABLE
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top
from marl_comm.plots.returns import RETURN_LABEL
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

_ALGORITHMS = ("importance_sampling", "base_policy_prediction")
_PROBABILITY = "communication.probability"
_PANELS: dict[str, Statistic] = {
    RETURN_LABEL: final_returns,
    "effective sample size on old data\n(share of samples)": partial(staleness_means, field="ess"),
}


def draw(configurations: Configurations) -> Figure:
    """Draw final return, and what old data were worth."""
    probabilities = values_of(configurations, _PROBABILITY)
    updates = [1 / (1 - probability) for probability in probabilities]
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
        panels = figure.subplots(1, len(_PANELS))
        for panel, (label, statistic) in zip(panels, _PANELS.items(), strict=True):
            panel.set_xscale("log")
            for algorithm in _ALGORITHMS:
                estimates = [
                    mean_of(statistic(_of(configurations, algorithm, probability)))
                    for probability in probabilities
                ]
                # Where no data are missing none are old, so there is nothing to draw.
                known = [index for index, each in enumerate(estimates) if not isnan(each.value)]
                draw_estimates(
                    panel,
                    [updates[index] for index in known],
                    [estimates[index] for index in known],
                    look_of(algorithm),
                    name_of(algorithm),
                )
            panel.set_xticks(updates, [f"{probability:g}" for probability in probabilities])
            panel.minorticks_off()
            panel.set_xlabel("probability that data are missing")
            panel.set_ylabel(label)
        panels[1].set_ylim(0, 1.02)
        panels[1].set_xlim(panels[0].get_xlim())
        legend_on_top(figure)
    return figure


def finding(configurations: Configurations) -> list[str]:
    """Say what missing data cost, and what prediction changes."""
    parts = []
    for probability in values_of(configurations, _PROBABILITY):
        sampling, prediction = (
            _of(configurations, algorithm, probability) for algorithm in _ALGORITHMS
        )
        difference = difference_of(*paired(final_returns, prediction, sampling))
        parts.append(
            f"{probability:g}: {in_words(mean_of(rounds_used(sampling)))} rounds, "
            f"{in_words(mean_of(samples_used(sampling)))} joint steps, return "
            f"{in_words(mean_of(final_returns(sampling)))}, with prediction {in_words(difference)} "
            "more"
        )
    return [
        "By the probability that data are missing, importance sampling's rounds, joint steps and "
        f"final return, and prediction's difference to it, paired by seed. {'; '.join(parts)}."
    ]


def _of(configurations: Configurations, algorithm: str, probability: float) -> Configuration:
    return only(configurations, {"algorithm.name": algorithm, _PROBABILITY: probability})


FIGURE = PaperFigure(
    name="missing_data_mappo",
    number=13,
    title="MAPPO's final return depends on the probability that data are missing",
    experiments=("missing_data_mappo",),
    caption=(
        "`simple_spread`, predictable regime: 80 local updates (at quick scale 40, of 32 copies), "
        "the first five with a round each. The axis is scaled by the mean number of local updates "
        "per round, 1 / (1 - p), from 1 to 50. A round collects at most twice as many chunks as "
        "the one before, and one that outlasts its chunks starts over with the first; what does "
        "not arrive is not played, so fewer joint steps are made to the right. Lines: "
        "interquartile mean over the seeds; bands: its 95 % bootstrap interval. Right: mean over "
        "the local updates on data of other policies than the current; there are none at 0."
    ),
    draw=draw,
    finding=finding,
    quick={
        "missing_data_mappo": (
            'hydra.sweeper.params={communication.probability:"0.0,0.9,0.98"}',
            *SMALL_PREDICTABLE,
        )
    },
)
