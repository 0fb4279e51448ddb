"""Samples to a gap against the size of the joint action space."""

from collections.abc import Sequence

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.exponents import comparison_of_fits, slopes
from marl_comm.analysis.interquartile import bootstrap, estimate, interquartile_mean
from marl_comm.analysis.selection import costs, of_the_same_seeds, only, values_of, where
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence
from marl_comm.paper.text import markdown_table
from marl_comm.plots.panels import MARK, draw_estimates, in_words, legend_on_top, written
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

GAMES = ("coverage", "random_potential")
_ALGORITHMS = ("importance_sampling", "base_policy_prediction")
_EPSILON = 0.003


def draw(configurations: Configurations) -> Figure:
    """Draw a panel for each game, both axes logarithmic."""
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
        panels = figure.subplots(1, len(GAMES), sharey=True)
        for panel, game in zip(panels, GAMES, strict=True):
            panel.set(xscale="log", yscale="log")
            lowest: Array = np.array(np.inf)
            for algorithm in _ALGORITHMS:
                agents, actions, found = _costs(configurations, game, algorithm)
                ends = bootstrap(_cheapest, [found])
                sizes = [float(actions) ** count for count in agents]
                estimates = [Estimate(*map(float, each)) for each in zip(*ends, strict=True)]
                draw_estimates(panel, sizes, estimates, look_of(algorithm), name_of(algorithm))
                lowest = np.fmin(lowest, [each.value for each in estimates])
            _number(panel, sizes, agents, lowest)
            start = np.asarray(panel.get_lines()[0].get_xydata())[0]
            line = np.geomspace(start[0], start[0] * 10, 10)
            panel.plot(
                line,
                start[1] * line / start[0],
                color="#777777",
                lw=0.9,
                ls=(0, (4, 2)),
                label="in proportion to joint actions",
                gid=MARK,
            )
            panel.margins(y=0.12)  # for the numbers below the lowest points
            panel.set_title(f"{game.replace('_', ' ')}, {actions} actions")
            panel.set_xlabel("joint actions")
        panels[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panels[0].yaxis.set_major_formatter(EngFormatter(sep=""))
        panels[0].yaxis.set_minor_formatter(NullFormatter())
        panels[0].set_ylabel(f"samples to a Nash gap of {_EPSILON:g}")
        panels[0].plot([], [], **written("8", "number of agents"))
        legend_on_top(figure)
    return figure


def _number(panel: Axes, sizes: Sequence[float], agents: Sequence[int], lowest: Array) -> None:
    """Write the numbers of agents below the lower of both curves, where there is one."""
    for size, count, value in zip(sizes, agents, lowest, strict=True):
        if np.isfinite(value):
            panel.annotate(
                str(count),
                (size, value),
                textcoords="offset points",
                xytext=(0, -12),
                ha="center",
                fontsize=7,
                color="#444444",
            )


def evidence(configurations: Configurations) -> list[Evidence]:
    """Compare how well a power and an exponential fit, for prediction and its rival."""
    found = []
    for game in GAMES:
        rival, ours = (_comparison(configurations, game, each) for each in _ALGORITHMS)
        lost, seeds = _lost(configurations, game)
        note = f"importance sampling {in_words(rival)}; never arrived: {lost} of {seeds}"
        found.append(Evidence("power_or_exponential", game, ours, note, rival))
    return found


def finding(configurations: Configurations) -> list[str]:
    """Tell both fits of both algorithms."""
    head = [
        "samples, by agents m",
        "exponent of the power m^b",
        "growth per agent over log A",
        "log of residuals, exponential over power",
    ]
    rows = []
    for game in GAMES:
        for algorithm in _ALGORITHMS:
            agents, actions, found = _costs(configurations, game, algorithm)
            rows.append(
                [
                    f"`{game}`, {name_of(algorithm)}",
                    _slope(found, np.log(agents)),
                    _slope(found, np.array(agents) * np.log(actions)),
                    in_words(_comparison(configurations, game, algorithm)),
                ]
            )
    return [
        "A power and an exponential, each fitted to the logarithm of the samples by least squares. "
        "Growth per agent is a share of that of the logarithm of the joint action space: 1 would "
        "be in proportion to it. Above 0 in the last column, the power fits better; an interval "
        "around 0 means that so few sizes do not tell them apart, and ∞ that the samples do not "
        "grow.",
        markdown_table(head, rows),
    ]


def _slope(found: Array, positions: Array) -> str:
    return in_words(estimate(lambda strata: slopes(_cheapest(strata), positions), found))


def _comparison(configurations: Configurations, game: str, algorithm: str) -> Estimate:
    agents, _, found = _costs(configurations, game, algorithm)
    power, exponential = np.log(agents), np.array(agents, dtype=float)
    return estimate(lambda strata: comparison_of_fits(_cheapest(strata), exponential, power), found)


def _lost(configurations: Configurations, game: str) -> tuple[int, int]:
    """Return how many seeds of prediction never arrived at the cheapest, and of how many."""
    _, _, found = _costs(configurations, game, _ALGORITHMS[-1])
    return int(np.isinf(found).sum(axis=0).min(axis=-1).sum()), found.shape[0] * found.shape[1]


def _costs(
    configurations: Configurations, game: str, algorithm: str
) -> tuple[list[int], int, Array]:
    """Return agents, actions, and samples to the gap (seeds, agents, samples per round)."""
    chosen = where(configurations, {"game.name": game, "algorithm.name": algorithm})
    agents = values_of(of_the_same_seeds(chosen), "game.agents")
    ways = [
        np.stack(
            [
                costs(
                    only(chosen, {"game.agents": count, "samples_per_round": samples}),
                    _EPSILON,
                    "samples",
                )
                for count in agents
            ],
            axis=1,
        )
        for samples in values_of(chosen, "samples_per_round")
    ]
    return agents, int(chosen[0].config["game.actions"]), np.stack(ways, axis=-1)


def _cheapest(strata: Sequence[Array]) -> Array:
    return np.asarray(interquartile_mean(strata[0], axis=1).min(axis=-1))


FIGURE = PaperFigure(
    name="joint_actions",
    number=11,
    title="The samples to a Nash gap change with the size of the joint action space",
    experiments=("joint_actions", "joint_actions_table"),
    caption=(
        "Lines: interquartile mean over the seeds of the samples until the Nash gap is at most "
        "0.003, at the cheaper of 1000 and 4000 samples a round; bands: its 95 % bootstrap "
        "interval. Small numbers: agents. Dashes: growth in proportion to the number of joint "
        "actions. In `coverage` an agent's influence shrinks as agents are added, so a fixed gap "
        "becomes easier; `random_potential` has no such structure."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick={"joint_actions": ("num_seeds=10",), "joint_actions_table": ("num_seeds=10",)},
)
