"""What prediction saves and at most could save, in units of the distance that learning covers."""

from dataclasses import dataclass

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.selection import of_the_same_seeds, only, values_of, where
from marl_comm.paper.best import EDGE_IN_WORDS, Rounds, best_ratio
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence
from marl_comm.paper.text import markdown_table
from marl_comm.plots.data import Point, note
from marl_comm.plots.panels import BAND, in_words
from marl_comm.plots.style import BLUE, GREEN, RC_PARAMS, VERMILION, WIDTH

_GAMES = {"graph": ("o", BLUE), "coverage": ("s", VERMILION), "congestion": ("^", GREEN)}
_SIZES = {10: 3.5, 40: 6.5}  # of a mark, in points, by the number of agents
_EPSILON = 0.002
_ASKED = (40, 8000)  # agents and samples a round, as in the claims
_SAMPLING = {"algorithm.name": "importance_sampling"}
_PREDICTORS = {"prediction": "line", "oracle": "oracle"}
_QUICK_INTERVALS = 'hydra.sweeper.params={communication.period:"10,20,40,80,160"}'
_TOP = 2.2  # of the panels; ratios beyond are drawn at the edge


@dataclass(frozen=True)
class Cell:
    """One game, number of agents and number of samples.

    Attributes:
        game: Its name.
        agents: How many.
        samples: A round.
        reach: Rounds that the distance alone forces on importance sampling, D2 / (ln N - 2).
        rounds: What importance sampling takes at its best interval.
        ratios: Rounds over those of importance sampling, of prediction and of the oracle.
        lost: Seeds that never got there at the best interval: importance sampling, then those.
        intervals: The best ones, in the same order, marked if at the edge of what was tried.
        edges: Shares of resamples whose best is at an edge, in the same order.
    """

    game: str
    agents: int
    samples: int
    reach: Estimate
    rounds: Estimate
    ratios: dict[str, Estimate]
    lost: tuple[int, ...]
    intervals: tuple[str, ...]
    edges: tuple[float, ...]


def cells(configurations: Configurations) -> list[Cell]:
    """Return every cell, games in their order."""
    return [
        _cell(where(configurations, {"game.name": game}), game, agents, samples)
        for game in _GAMES
        for agents in values_of(configurations, "game.agents")
        for samples in values_of(configurations, "samples_per_round")
    ]


def _cell(of_game: list[Configuration], game: str, agents: int, samples: int) -> Cell:
    of_cell = of_the_same_seeds(
        where(of_game, {"game.agents": agents, "samples_per_round": samples})
    )
    reference = _by_interval(where(of_cell, _SAMPLING))
    rounds = Rounds.along(reference, _EPSILON)
    (best,) = rounds.best.place
    ratios, lost, intervals = {}, [_lost(rounds)], [_best_interval(reference, rounds)]
    edges = [rounds.share_at_the_edge]
    for name, predictor in _PREDICTORS.items():
        ways = _by_interval(where(of_cell, {"algorithm.predictor": predictor}))
        theirs = Rounds.along(ways, _EPSILON)
        ratios[name] = best_ratio(theirs, rounds)
        lost.append(_lost(theirs))
        intervals.append(_best_interval(ways, theirs))
        edges.append(theirs.share_at_the_edge)
    reach = np.array([run.summary.distance_rounds for run in reference[best].seeds], dtype=float)
    return Cell(
        game,
        agents,
        samples,
        mean_of(reach),
        mean_of(rounds.at_best),
        ratios,
        tuple(lost),
        tuple(intervals),
        tuple(edges),
    )


def _best_interval(ways: list[Configuration], rounds: Rounds) -> str:
    (best,) = rounds.best.place
    return f"{ways[best].config['communication.period']}{rounds.edge_mark}"


def _by_interval(configurations: Configurations) -> list[Configuration]:
    periods = values_of(configurations, "communication.period")
    return [only(configurations, {"communication.period": period}) for period in periods]


def _lost(rounds: Rounds) -> int:
    """Return how many seeds never arrive at the interval that is best on the whole."""
    return int(np.isinf(rounds.at_best).sum())


def draw(configurations: Configurations) -> Figure:
    """Draw a point for each cell, prediction to the left, the oracle to the right."""
    found = cells(configurations)
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for panel, name in zip(panels, _PREDICTORS, strict=True):
            for each in found:
                _draw_point(panel, each, name)
            panel.axhline(1, color="#444444", lw=0.9, zorder=1)
            panel.set(xscale="log", yscale="log")
            panel.set_xlabel("rounds that distance alone takes, D2 / (ln N - 2)")
            panel.set_title({"prediction": "prediction", "oracle": "oracle bases (ceiling)"}[name])
        panels[0].set_ylim(0.3, _TOP)
        ticks = [0.4, 0.6, 0.8, 1.0, 1.5, 2.0]
        panels[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        panels[0].set_ylabel("rounds, over those of\nimportance sampling")
        ticks = [1, 2, 5, 10, 20]
        panels[0].set_xticks(ticks, [str(tick) for tick in ticks])
        for panel in panels:
            panel.minorticks_off()
        handles = [
            panels[0].plot([], [], ls="none", marker=marker, color=color, label=game)[0]
            for game, (marker, color) in _GAMES.items()
        ]
        samples = values_of(configurations, "samples_per_round")
        for count, fill in zip(samples, ("white", "#444444"), strict=True):
            handles += panels[0].plot(
                [],
                [],
                ls="none",
                marker="o",
                color="#444444",
                markerfacecolor=fill,
                label=f"{count} samples a round",
            )
        for agents, size in _SIZES.items():
            label = f"{agents} agents"
            handles += panels[0].plot(
                [], [], ls="none", marker="o", color="#444444", markersize=size, label=label
            )
        handles += panels[0].plot([], [], color="#444444", lw=1, label=BAND)
        figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def _draw_point(panel: Axes, each: Cell, name: str) -> None:
    marker, color = _GAMES[each.game]
    ratio = each.ratios[name]
    fill = color if each.samples == _ASKED[1] else "white"
    place = each.reach.value
    if np.isnan(ratio.value):
        return
    series = f"{each.game}, {each.agents} agents, {each.samples} samples a round"
    note(panel, [Point(series, place, ratio.value, ratio.low, ratio.high)])
    value = min(ratio.value, _TOP * 0.97)
    low, high = max(ratio.low, 1e-3), min(ratio.high, 1e3)
    panel.plot((place, place), (low, high), color=color, lw=1)
    panel.plot(
        place,
        value,
        marker=marker,
        color=color,
        markerfacecolor=fill,
        markersize=_SIZES[each.agents],
        ls="none",
    )


def evidence(configurations: Configurations) -> list[Evidence]:
    """Compare in the largest games with the most samples, each at its best interval."""
    return [
        Evidence(
            "rounds_best_interval",
            each.game,
            each.ratios["prediction"],
            f"importance sampling {in_words(each.rounds)} rounds; the oracle "
            f"{in_words(each.ratios['oracle'])}; never arrived: {each.lost[1]} and {each.lost[0]}; "
            f"best intervals {each.intervals[1]} and {each.intervals[0]}, of the oracle "
            f"{each.intervals[2]}; resamples at an edge: {each.edges[1]:.0%} "
            f"and {each.edges[0]:.0%}",
        )
        for each in cells(configurations)
        if (each.agents, each.samples) == _ASKED
    ]


def finding(configurations: Configurations) -> list[str]:
    """Tell every cell."""
    head = ["", "D2 / (ln N - 2)", "rounds of importance sampling", "prediction", "oracle"]
    head += ["never", "best intervals", "resamples at an edge"]
    rows = [
        [
            f"`{each.game}`, {each.agents} agents, {each.samples} samples",
            in_words(each.reach),
            in_words(each.rounds),
            *(in_words(ratio) for ratio in each.ratios.values()),
            ", ".join(map(str, each.lost)),
            ", ".join(each.intervals),
            ", ".join(f"{share:.0%}" for share in each.edges),
        ]
        for each in cells(configurations)
    ]
    return [
        f"Rounds to a gap of {_EPSILON:g}, each at its best interval; of prediction and the oracle "
        "over those of importance sampling. Never: seeds that did not get there (importance "
        "sampling, prediction, oracle). " + EDGE_IN_WORDS,
        markdown_table(head, rows),
    ]


_EXPERIMENTS = tuple(
    f"ceiling{game}{part}"
    for game in ("", "_coverage", "_congestion")
    for part in ("", "_oracle", "_longest", "_longest_oracle")
)

FIGURE = PaperFigure(
    name="ceiling",
    number=22,
    title="At the best intervals prediction hardly saves rounds, but knowing the path could",
    experiments=_EXPERIMENTS,
    caption=(
        "Rounds until the Nash gap is at most 0.002, over those of importance sampling on the "
        "same games, each at its best of eight fixed intervals (5 to 640 local updates), in the "
        "largest games with most samples of ten (to 2560); a seed may have 20 rounds. Ratio "
        "of interquartile means, bars: 95 % paired bootstrap interval, which includes the choice "
        "of the interval. The oracle places 16 bases, 2 nats apart, along the path that exact "
        "gradients take, which no agent can know: a ceiling for every predictor. Horizontal "
        "axis: the distance D2 from the first policy to the last, over the distance that data of "
        "one base with N samples serve, ln N - 2. No warm-up; step "
        "size 6 in `graph` and 10 elsewhere; 4 actions in `graph`, 10 in `coverage` and 6 in "
        "`congestion`."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick=dict.fromkeys(
        _EXPERIMENTS,
        ("num_seeds=6", "max_local_steps=320", _QUICK_INTERVALS),
    ),
)
