"""How old MAPPO's data get within a round: ESS and KL, update by update."""

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.interquartile import difference_of, ratio_of
from marl_comm.analysis.runs import SeedRun
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.figures.mappo_curves import FIGURE as CURVES
from marl_comm.paper.regimes import REGIMES, of_regime, periods
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top, means_of_columns
from marl_comm.plots.style import RC_PARAMS, SKY_BLUE, WIDTH, Look, look_of, name_of

_ALGORITHMS = ("importance_sampling", "base_policy_prediction")
_UNPREDICTED = Look(SKY_BLUE, (0, (4, 1.5)), "D")


def draw(configurations: Configurations) -> Figure:
    """Draw effective sample size and KL in each regime, for the longest rounds there are."""
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        panels = figure.subplots(2, len(REGIMES), sharex=True, sharey="row")
        for column, regime in enumerate(REGIMES):
            for algorithm in _ALGORITHMS:
                look, name = look_of(algorithm), name_of(algorithm)
                for row, field in enumerate(("ess", "kl")):
                    values = _profiles(configurations, regime, algorithm, field)
                    estimates = means_of_columns(values)
                    # At the round's start the divergence is 0, which a logarithm cannot show.
                    first = 0 if field == "ess" else 1
                    positions = range(first, len(estimates))
                    panel = panels[row, column]
                    draw_estimates(panel, positions, estimates[first:], look, name)
            unpredicted = _profiles(
                configurations, regime, "base_policy_prediction", "kl_unpredicted"
            )
            estimates = means_of_columns(unpredicted[:, 1:])
            draw_estimates(
                panels[1, column],
                range(1, unpredicted.shape[1]),
                estimates,
                _UNPREDICTED,
                "same runs, from the round's start",
            )
            panels[0, column].set_title(f"{regime}, τ = {periods(configurations)[-1]}")
            panels[0, column].set_ylim(0, 1.02)
            panels[1, column].set_yscale("log")
            panels[1, column].set_xlabel("local updates since the round")
        panels[0, 0].set_ylabel("effective sample size\n(share of samples)")
        panels[1, 0].set_ylabel("KL of the current policy\nfrom its base (nats)")
        legend_on_top(figure)
    return figure


def finding(configurations: Configurations) -> list[str]:
    """Compare early, middle and late in the round."""
    parts = []
    period = periods(configurations)[-1]
    for regime in REGIMES:
        places = []
        for position in sorted({1, period // 2, period - 1}):
            ratio = ratio_of(*_sides(configurations, regime, "kl", position))
            difference = difference_of(*_sides(configurations, regime, "ess", position))
            places.append(
                f"after {position} local updates KL {in_words(ratio)} times, ESS "
                f"{in_words(difference)} more"
            )
        parts.append(f"**{regime}**: {'; '.join(places)}")
    return [
        f"Prediction against importance sampling, paired by seed, in rounds of {period} local "
        f"updates. {'. '.join(parts)}."
    ]


def _sides(
    configurations: Configurations, regime: str, field: str, position: int
) -> tuple[Array, Array]:
    """Return a figure after so many local updates with prediction and without, (seeds,) each."""
    sampling, prediction = (
        _profiles(configurations, regime, algorithm, field)[:, position]
        for algorithm in _ALGORITHMS
    )
    return prediction, sampling


def _profiles(configurations: Configurations, regime: str, algorithm: str, field: str) -> Array:
    period = periods(configurations)[-1]
    seeds = of_regime(configurations, regime, algorithm, period).seeds
    return np.stack([mean_profile(run, field, period) for run in seeds])


def mean_profile(run: SeedRun, field: str, updates: int) -> Array:
    """Return a figure after 0, 1, ... local updates since the latest round, (updates,).

    The mean over the seed's rounds after the first that lasted at least so long.

    Args:
        run: A seed with every local update logged.
        field: A logged point has that of the data its update used.
        updates: How many local updates to follow.
    """
    rounds = run.metrics["round"]
    found = [run.metrics[field][rounds == number] for number in np.unique(rounds[rounds >= 2])]
    complete = [values[:updates] for values in found if len(values) >= updates]
    return np.asarray(np.mean(complete, axis=0))


FIGURE = PaperFigure(
    name="staleness_mappo",
    number=12,
    title="MAPPO's data get old within a communication round",
    experiments=("mappo_curves", "mappo_curves_ordinary"),
    caption=(
        "The runs of `mappo_curves` with the longest rounds (τ = 20; at quick scale 10); the mean "
        "over a seed's whole rounds after the warm-up. Lines: interquartile mean over the seeds; "
        "bands: its 95 % bootstrap interval. Top: effective sample size of the weights of joint "
        "actions. Bottom: divergence of the current joint policy from the policy that collected "
        "the data of the local update; light blue: from the policy at the round's start, in the "
        "runs with prediction. Below it, prediction brings data closer."
    ),
    draw=draw,
    finding=finding,
    quick={name: CURVES.quick[name] for name in ("mappo_curves", "mappo_curves_ordinary")},
)
