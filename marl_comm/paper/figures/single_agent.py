"""Would prediction help a single agent: rounds to a gap where there is nobody else."""

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.selection import of_the_same_seeds, only, values_of, where
from marl_comm.paper.best import EDGE_IN_WORDS, Rounds, best_ratio
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.text import markdown_table
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top
from marl_comm.plots.style import BLACK, RC_PARAMS, WIDTH, Look, look_of, name_of

_GAMES = {
    "random_potential": "bandit, 50 actions, noisy rewards",
    "random_markov": "Markov decision process",
}
_EPSILON = 0.01
_TRIGGER = "communication.ess_threshold"
_SAMPLING, _PREDICTION = "importance_sampling", "base_policy_prediction"
_WAYS = {
    name_of(_SAMPLING): ({"algorithm.name": _SAMPLING}, look_of(_SAMPLING)),
    name_of(_PREDICTION): ({"algorithm.predictor": "line"}, look_of(_PREDICTION)),
    "oracle bases": ({"algorithm.predictor": "oracle"}, Look(BLACK, (0, (3, 1)), "*")),
}


def draw(configurations: Configurations) -> Figure:
    """Draw a panel for each game."""
    triggers = values_of(configurations, _TRIGGER)
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 2.7), layout="constrained")
        panels = figure.subplots(1, len(_GAMES))
        for panel, game in zip(panels, _GAMES, strict=True):
            for name, (_, look) in _WAYS.items():
                rounds = _rounds(configurations, game, name).taken
                estimates = [mean_of(column) for column in rounds.T]
                draw_estimates(panel, triggers, estimates, look, name)
            panel.set_xscale("log")
            panel.set_xticks(triggers, [f"{trigger:g}" for trigger in triggers])
            panel.minorticks_off()
            highest = [np.asarray(line.get_ydata()) for line in panel.get_lines()]
            panel.set_ylim(0, 1.3 * float(np.nanmax(np.concatenate(highest))))
            panel.set_title(_GAMES[game])
            panel.set_xlabel("trigger (share of samples)")
        panels[0].set_ylabel(f"rounds to a gap of {_EPSILON:g}")
        legend_on_top(figure)
    return figure


def finding(configurations: Configurations) -> list[str]:
    """Compare each at its best trigger."""
    triggers = values_of(configurations, _TRIGGER)
    rows = []
    for game in _GAMES:
        reference = _rounds(configurations, game, name_of(_SAMPLING))
        cells = [_GAMES[game]]
        for name in _WAYS:
            rounds = _rounds(configurations, game, name)
            (best,) = rounds.best.place
            words = f"{in_words(mean_of(rounds.at_best))} at {triggers[best]:g}"
            cells.append(words + rounds.edge_mark)
        for name in list(_WAYS)[1:]:
            rounds = _rounds(configurations, game, name)
            cells.append(in_words(best_ratio(rounds, reference)))
        rows.append(cells)
    return [
        f"Rounds to a gap of {_EPSILON:g}, each at its best trigger, and their ratios. "
        + EDGE_IN_WORDS,
        markdown_table(["", *_WAYS, "prediction / sampling", "oracle / sampling"], rows),
    ]


def _rounds(configurations: Configurations, game: str, way: str) -> Rounds:
    """Return the rounds of a way at every trigger."""
    settings = {"game.name": game, **_WAYS[way][0]}
    of_the_same_seeds(where(configurations, {"game.name": game}))

    def at(trigger: float) -> Configuration:
        return only(configurations, {**settings, _TRIGGER: trigger})

    return Rounds.along([at(each) for each in values_of(configurations, _TRIGGER)], _EPSILON)


_EXPERIMENTS = tuple(
    f"single_agent{game}{part}" for game in ("", "_markov") for part in ("", "_oracle")
)

FIGURE = PaperFigure(
    name="single_agent",
    number=24,
    title="Even the best possible bases save a single agent less than one round",
    experiments=_EXPERIMENTS,
    caption=(
        "One agent, no warm-up. Left: a bandit, `random_potential` with 50 actions, noise of "
        "standard deviation 0.1 in the rewards and 1000 samples a round. Right: `random_markov` "
        "with 10 states, 4 actions, 8 steps, and 4000 samples a round. Oracle bases lie along "
        "the path of exact gradients: the best that a prediction can do. Lines: interquartile "
        "mean over the seeds of the rounds until the gap is at most 0.01; bands: its 95 % "
        "bootstrap interval; a cross at the top: more than a quarter of the seeds never got "
        "there."
    ),
    draw=draw,
    finding=finding,
    quick=dict.fromkeys(_EXPERIMENTS, ("num_seeds=10",)),
)
