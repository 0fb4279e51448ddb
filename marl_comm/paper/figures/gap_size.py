"""Rounds against the suboptimality gap, on which rates of natural policy gradient depend."""

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.selection import Unit, costs, of_the_same_seeds, only, values_of, where
from marl_comm.paper.best import EDGE_IN_WORDS, Rounds, best_ratio
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.text import markdown_table
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

_ALGORITHMS = ("importance_sampling", "base_policy_prediction")
_GAP, _NOISE, _TRIGGER = "game.gap", "game.reward_noise", "communication.ess_threshold"
_UNITS: dict[Unit, str] = {"round": "rounds", "local_step": "local updates"}
_SHARE = 0.1  # the Nash gap to be reached, of the suboptimality gap


def draw(configurations: Configurations) -> Figure:
    """Draw rounds and local updates, each algorithm at its best trigger."""
    gaps = values_of(configurations, _GAP)
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        panels = figure.subplots(1, len(_UNITS))
        for panel, (unit, label) in zip(panels, _UNITS.items(), strict=True):
            for algorithm in _ALGORITHMS:
                for noise in values_of(configurations, _NOISE):
                    estimates = []
                    for gap in gaps:
                        ways = _by_trigger(configurations, algorithm, gap, noise)
                        (best,) = Rounds.along(ways, _aim(gap)).best.place
                        estimates.append(mean_of(costs(ways[best], _aim(gap), unit)))
                    name = f"{name_of(algorithm)}, reward noise {noise:g}"
                    draw_estimates(
                        panel, gaps, estimates, look_of(algorithm), name, filled=noise == 0
                    )
            panel.set(xscale="log", xlabel="suboptimality gap δ (reward)")
            panel.set_xticks(gaps, [f"{gap:g}" for gap in gaps])
            panel.minorticks_off()
            panel.set_ylabel(f"{label}\nto a Nash gap of δ / 10")
        panels[0].set_ylim(bottom=0)
        panels[1].set_yscale("log")
        ticks = [10, 30, 100, 300]
        panels[1].set_yticks(ticks, [str(tick) for tick in ticks])
        panels[1].minorticks_off()
        legend_on_top(figure, columns=2)
    return figure


def finding(configurations: Configurations) -> list[str]:
    """Tell the rounds of both, and their ratio."""
    head = ["δ", "reward noise", *map(name_of, _ALGORITHMS), "ratio", "never"]
    rows = []
    for gap in values_of(configurations, _GAP):
        for noise in values_of(configurations, _NOISE):
            sides = [
                Rounds.along(_by_trigger(configurations, each, gap, noise), _aim(gap))
                for each in _ALGORITHMS
            ]
            ratio = in_words(best_ratio(*sides[::-1]))
            lost = ", ".join(str(np.isinf(side.at_best).sum()) for side in sides)
            cells = [in_words(mean_of(side.at_best)) + side.edge_mark for side in sides]
            rows.append([f"{gap:g}", f"{noise:g}", *cells, ratio, lost])
    return [
        "Rounds to a Nash gap of δ / 10, each at its best trigger; prediction over importance "
        "sampling. Never: seeds that did not get there. " + EDGE_IN_WORDS,
        markdown_table(head, rows),
    ]


def _by_trigger(
    configurations: Configurations, algorithm: str, gap: float, noise: float
) -> list[Configuration]:
    settings = {"algorithm.name": algorithm, _GAP: gap, _NOISE: noise}
    of_the_same_seeds(where(configurations, {_GAP: gap, _NOISE: noise}))
    return [
        only(configurations, {**settings, _TRIGGER: trigger})
        for trigger in values_of(configurations, _TRIGGER)
    ]


def _aim(gap: float) -> float:
    """Return the Nash gap to be reached, a threshold that was recorded."""
    return float(f"{_SHARE * gap:g}")


FIGURE = PaperFigure(
    name="gap_size",
    number=25,
    title="A smaller suboptimality gap costs more local updates, and with noise more rounds",
    experiments=("gap_size",),
    caption=(
        "The game `gap`, 8 agents, 4 actions, in which the best action is better than the second "
        "by δ at the equilibrium. 1000 samples a round, step size 0.5, no warm-up. Lines: "
        "interquartile mean over the seeds of what it takes to a Nash gap of δ / 10, each "
        "algorithm at its best of three triggers (0.5, 0.1, 0.01); bands: 95 % bootstrap interval. "
        "Hollow: rewards are seen with noise of standard deviation 0.1; a cross at the top: more "
        "than a quarter of the seeds never got there."
    ),
    draw=draw,
    finding=finding,
    quick={"gap_size": ("num_seeds=10",)},
)
