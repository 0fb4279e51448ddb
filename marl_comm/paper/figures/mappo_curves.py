"""MAPPO's evaluation return against joint steps and rounds, in both regimes."""

from collections.abc import Sequence
from itertools import product

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.return_tables import compared, comparison_titles, measured
from marl_comm.analysis.returns import final_returns, rounds_used
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.regimes import (
    REGIMES,
    SMALL,
    SMALL_PREDICTABLE,
    markdown_table,
    of_regime,
    periods,
)
from marl_comm.plots.panels import legend_on_top, reference_line
from marl_comm.plots.returns import AXES, draw_returns
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

_PERIODIC = ("importance_sampling", "base_policy_prediction", "stale")
_ASKED = 10  # local updates per round, of the first comparison
_FULL_ENDS = "where full communication ends"
_MEASURES = ("rounds", "final return", "area", "ESS", "KL", "κ", "cosine")
_COMPARED = [title for title in comparison_titles() if not title.startswith("joint steps")]


def draw(configurations: Configurations) -> Figure:
    """Draw a row of panels for each regime and axis, a column for each round length.

    Where there is one length only, a row for each regime and a column for each axis.
    """
    found = periods(configurations)
    kinds = list(product(REGIMES, AXES, found))
    columns = len(found) if len(found) > 1 else len(AXES)
    rows = len(kinds) // columns
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 1.0 + 1.9 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False)
        for panel, (regime, axis, period) in zip(panels.flat, kinds, strict=True):
            for algorithm in ("full_communication", *_PERIODIC):
                length = None if algorithm == "full_communication" else period
                configuration = of_regime(configurations, regime, algorithm, length)
                look, name = look_of(algorithm), name_of(algorithm)
                draw_returns(panel, configuration, axis, look, name)
            if axis == "round":
                _show_few_rounds(panel, configurations, regime)
            panel.set_xlabel(AXES[axis])
        for panel, (regime, _, _) in zip(panels[:, 0], kinds[::columns], strict=True):
            panel.set_ylabel(f"{regime} regime\nreturn (sum of agents)")
        for panel, period in zip(panels[0], found, strict=False):
            panel.set_title(f"τ = {period}")
        for together in panels.reshape(len(REGIMES), -1):
            _share_heights(list(together))
        legend_on_top(figure)
    return figure


def _share_heights(panels: Sequence[Axes]) -> None:
    """Give the panels of a regime one vertical axis; regimes differ too much to share one."""
    limits = [panel.get_ylim() for panel in panels]
    for panel in panels:
        panel.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def _show_few_rounds(panel: Axes, configurations: Configurations, regime: str) -> None:
    """Cut full communication's many rounds off, and show where it ends as a line."""
    full = of_regime(configurations, regime, "full_communication", None)
    limited = [
        of_regime(configurations, regime, "importance_sampling", period)
        for period in periods(configurations)
    ]
    right = 1.05 * max(float(rounds_used(each).max()) for each in limited)
    panel.set_xlim(-0.03 * right, right)
    reference_line(panel, _FULL_ENDS, y=mean_of(final_returns(full)).value)


def finding(configurations: Configurations) -> list[str]:
    """Give the tables of each regime."""
    parts = []
    for regime in REGIMES:
        parts += [
            f"**{regime.capitalize()} regime.** Interquartile means over the seeds with 95 % "
            "intervals. Final return: last evaluation; area: mean over all evaluations; ESS, KL, "
            "κ and cosine: means over local updates on data of other policies than the current.",
            _measures_of(configurations, regime),
            "Paired by seed, against importance sampling at the same τ (full communication: at "
            f"τ = {_reference_period(configurations)}): ratios of interquartile means, "
            "interquartile means of differences.",
            _differences_of(configurations, regime),
        ]
    return parts


def _measures_of(configurations: Configurations, regime: str) -> str:
    full = measured(of_regime(configurations, regime, "full_communication", None))
    rows = [[name_of("full_communication"), *(full[title] for title in _MEASURES)]]
    for period, algorithm in product(periods(configurations), _PERIODIC):
        found = measured(of_regime(configurations, regime, algorithm, period))
        name = f"{name_of(algorithm)}, τ = {period}"
        rows.append([name, *(found[title] for title in _MEASURES)])
    return markdown_table(["", *_MEASURES], rows)


def _differences_of(configurations: Configurations, regime: str) -> str:
    rows = []

    def add(name: str, algorithm: str, period: int | None, reference: int) -> None:
        one = of_regime(configurations, regime, algorithm, period)
        other = of_regime(configurations, regime, "importance_sampling", reference)
        found = compared(one, other)
        rows.append([name, *(found[title] for title in _COMPARED)])

    for word, algorithm in (("prediction", "base_policy_prediction"), ("stale", "stale")):
        for period in periods(configurations):
            add(f"{word}, τ = {period}", algorithm, period, period)
    add("full communication", "full_communication", None, _reference_period(configurations))
    return markdown_table(["", *_COMPARED], rows)


def _reference_period(configurations: Configurations) -> int:
    found = periods(configurations)
    return _ASKED if _ASKED in found else found[0]


# A shorter warm-up, so that half as many local updates cost no larger share of rounds.
_ONE_PERIOD = ("hydra.sweeper.params={communication.period:10}", "communication.warmup=5")

FIGURE = PaperFigure(
    name="mappo_curves",
    number=6,
    title="MAPPO's return rises with joint environment steps and with rounds",
    experiments=(
        "mappo_curves",
        "mappo_curves_full",
        "mappo_curves_ordinary",
        "mappo_curves_ordinary_full",
    ),
    caption=(
        "`simple_spread` with three agents. Return of 32 evaluation episodes per seed, summed "
        "over the agents, with sampled actions; higher is better. Joint steps are those played "
        "for learning, each by all three agents. τ: local updates per round, after as many "
        "warm-up rounds of one local update; full communication, which has a round at every local "
        "update, is the same at every τ; against rounds it is cut off. "
        "Lines: interquartile mean over the seeds; bands: its 95 % bootstrap interval. "
        "Predictable regime: large batches, much momentum; ordinary: PPO as commonly run. At "
        "quick scale τ = 10 only, with five warm-up rounds, half as many local updates and "
        "evaluation episodes, and in the predictable regime 32 copies for 128."
    ),
    draw=draw,
    finding=finding,
    quick={
        "mappo_curves": (*_ONE_PERIOD, *SMALL_PREDICTABLE),
        "mappo_curves_full": SMALL_PREDICTABLE,
        "mappo_curves_ordinary": (*_ONE_PERIOD, *SMALL),
        "mappo_curves_ordinary_full": SMALL,
    },
)
