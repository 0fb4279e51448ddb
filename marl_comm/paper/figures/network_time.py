"""Time to a gap on networks between a cable and a satellite: would it pay on mine?"""

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.selection import only, where
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top, reference_line
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of
from marl_comm.wall_clock import Network, times_to_gap

GAMES = ("coverage", "congestion", "random_potential")
_ALGORITHMS = ("full_communication", "importance_sampling", "base_policy_prediction")
_EPSILON = 0.003
_LATENCIES = np.geomspace(1e-5, 10, 13)
# A fast cable and a slow radio link, in bytes per second; a simulator of 10,000 plays a second.
_BANDWIDTHS = {"100 MB/s": 1e8, "100 kB/s": 1e5}
_SIMULATION_SPEED = 1e4
_PLACES = {"same rack": 1e-4, "overseas": 0.1, "satellite": 0.6}


def draw(configurations: Configurations) -> Figure:
    """Draw time against latency for each bandwidth and game."""
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 5.0), layout="constrained")
        panels = figure.subplots(len(_BANDWIDTHS), len(GAMES), sharex=True, sharey=True)
        for row, (label, bandwidth) in zip(panels, _BANDWIDTHS.items(), strict=True):
            for panel, game in zip(row, GAMES, strict=True):
                panel.set(xscale="log", yscale="log")
                for algorithm in _ALGORITHMS:
                    estimates = [
                        _time(configurations, game, algorithm, _network(latency, bandwidth))
                        for latency in _LATENCIES
                    ]
                    draw_estimates(
                        panel,
                        _LATENCIES.tolist(),
                        estimates,
                        look_of(algorithm),
                        name_of(algorithm),
                    )
                for latency in _PLACES.values():
                    reference_line(panel, "latency of such a network", x=latency)
            row[0].set_ylabel(f"{label}\nseconds to a gap of {_EPSILON:g}")
        for panel, game in zip(panels[0], GAMES, strict=True):
            panel.set_title(game.replace("_", " "))
        for place, latency in _PLACES.items():
            panels[0, 0].annotate(
                place,
                (latency, 0.98),
                xycoords=("data", "axes fraction"),
                rotation=90,
                ha="right",
                va="top",
                fontsize=6.5,
                color="#555555",
            )
        for panel in panels[-1]:
            panel.set_xlabel("latency, one way (s)")
        legend_on_top(figure)
    return figure


def finding(configurations: Configurations) -> list[str]:
    """Say the seconds at either end."""
    lines = []
    for name, latency, (label, bandwidth) in (
        ("Within a rack", 1e-4, ("100 MB/s", 1e8)),
        ("By satellite", 0.6, ("100 kB/s", 1e5)),
    ):
        network = _network(latency, bandwidth)
        parts = [
            f"{game} "
            + ", ".join(
                in_words(_time(configurations, game, algorithm, network))
                for algorithm in _ALGORITHMS
            )
            for game in GAMES
        ]
        lines.append(
            f"{name} ({latency:g} s, {label}), seconds of full communication, importance sampling "
            f"and prediction: {'; '.join(parts)}."
        )
    return [
        *lines,
        "All algorithms have equal samples per round, so latency, transfer and play all grow with "
        "the rounds: the ratio between two algorithms is that of their rounds on every network, "
        "and the network decides how many seconds that is. For your own runs: `python -m "
        "marl_comm.wall_clock DIR latency=0.05 bandwidth=1e6 simulation_speed=1e4`.",
    ]


def _network(latency: float, bandwidth: float) -> Network:
    return Network(latency=float(latency), bandwidth=bandwidth, simulation_speed=_SIMULATION_SPEED)


def _seconds(configurations: Configurations, game: str, algorithm: str, network: Network) -> Array:
    of_game = where(configurations, {"game.name": game, "game.reward_noise": 0.0})
    parts = times_to_gap(only(of_game, {"algorithm.name": algorithm}), _EPSILON, network)
    return np.asarray(np.sum(list(parts.values()), axis=0), dtype=np.float64)


def _time(configurations: Configurations, game: str, algorithm: str, network: Network) -> Estimate:
    return mean_of(_seconds(configurations, game, algorithm, network))


FIGURE = PaperFigure(
    name="network_time",
    number=9,
    title="The time to a Nash gap depends on the latency and bandwidth of the network",
    experiments=("potential_gap",),
    caption=(
        "Computed from the runs of `potential_gap` (4000 samples a round, trigger 0.5): a round "
        "costs twice the latency, all bytes cross one shared link of the bandwidth at the left, "
        "and 10,000 joint actions are played per second. Lines: interquartile mean over the seeds "
        "of the time until the Nash gap is at most 0.003; bands: its 95 % bootstrap interval. "
        "Where the curves are flat, playing (top) or the link (bottom) takes the time, not latency."
    ),
    draw=draw,
    finding=finding,
    quick={"potential_gap": ("num_seeds=20",)},
)
