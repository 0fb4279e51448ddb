"""Final Nash gap against how often new data are missing."""

from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.selection import final_gaps, only, values_of
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.plots.panels import draw_estimates, legend_on_top
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

GAMES = ("coverage", "congestion", "random_potential")
_ALGORITHMS = ("importance_sampling", "base_policy_prediction", "stale")
_ESTIMATORS = ("bounded", "self_normalised")


def draw(configurations: Configurations) -> Figure:
    """Draw a panel for each estimator and game."""
    probabilities = values_of(configurations, "communication.probability")
    updates = [1 / (1 - probability) for probability in probabilities]
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 4.7), layout="constrained")
        panels = figure.subplots(len(_ESTIMATORS), len(GAMES), sharex=True, sharey=True)
        for row, estimator in zip(panels, _ESTIMATORS, strict=True):
            for panel, game in zip(row, GAMES, strict=True):
                panel.set(xscale="log", yscale="log")
                for algorithm in _ALGORITHMS:
                    draw_estimates(
                        panel,
                        updates,
                        [
                            mean_of(_gaps(configurations, game, estimator, algorithm, probability))
                            for probability in probabilities
                        ],
                        look_of(algorithm),
                        name_of(algorithm),
                    )
                panel.set_xticks(updates, [f"{probability:g}" for probability in probabilities])
                panel.tick_params(axis="x", labelsize=7.5)
                panel.minorticks_off()
            row[0].set_ylabel(f"{estimator.replace('_', '-')}\nfinal Nash gap (reward)")
        for panel, game in zip(panels[0], GAMES, strict=True):
            panel.set_title(game.replace("_", " "))
        for panel in panels[-1]:
            panel.set_xlabel("probability that\ndata are missing")
        panels[0, 0].set_ylim(1e-7, 1.5)
        legend_on_top(figure)
    return figure


def _gaps(
    configurations: Configurations, game: str, estimator: str, algorithm: str, probability: float
) -> Array:
    configuration = only(
        configurations,
        {
            "game.name": game,
            "learner.estimator": estimator,
            "algorithm.name": algorithm,
            "communication.probability": probability,
        },
    )
    return final_gaps(configuration)


FIGURE = PaperFigure(
    name="missing_data",
    number=5,
    title="The final Nash gap depends on the probability that data are missing",
    experiments=("missing_data",),
    caption=(
        "300 local updates, 1000 samples in each round that gets through; the probability axis "
        "is scaled by the mean number of local updates per round, 1 / (1 - p), from 1 to 50. "
        "Data that do not arrive are not paid for, so the farther to the right, the fewer "
        "samples were sent. Lines: interquartile mean over the seeds; bands: its 95 % bootstrap "
        "interval. Rows: the estimator."
    ),
    draw=draw,
    quick={"missing_data": ("num_seeds=10",)},
)
