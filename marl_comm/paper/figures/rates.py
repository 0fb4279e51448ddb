"""Local updates, rounds and samples to reach an accuracy, in three families of games."""

from typing import Literal

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.exponents import exponent
from marl_comm.analysis.interquartile import bootstrap, interquartile_mean
from marl_comm.analysis.selection import Unit, costs, of_the_same_seeds, where
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence
from marl_comm.plots.panels import MARK, draw_estimates, in_words, legend_on_top
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

FAMILIES = ("coverage", "unanimous_failure", "saddle_chain")
_ALGORITHMS = ("importance_sampling", "base_policy_prediction")
_UNITS: dict[Unit, str] = {
    "local_step": "local updates",
    "round": "rounds",
    "samples": "samples",
}
# Slopes of the worst-case bounds, in log(1/epsilon), with their names.
_BOUNDS: dict[Unit, tuple[tuple[float, str, Literal["left", "right"]], ...]] = {
    "local_step": (),
    "round": ((0.75, r"$\varepsilon^{-3/4}$", "left"), (1.0, r"$\varepsilon^{-1}$", "right")),
    "samples": ((2.75, r"$\varepsilon^{-11/4}$", "left"),),
}
_LIMITS: dict[Unit, tuple[float, float]] = {
    "local_step": (1.5, 6e3),
    "round": (0.9, 60),
    "samples": (180, 1e5),
}
_EXACT, _SAMPLED = "exact gradients", "sampled"


def costs_of(
    configurations: Configurations, family: str, algorithm: str, mode: str, unit: Unit
) -> tuple[list[float], Array]:
    """Return the gaps, largest first, and costs (seeds, gaps, numbers of samples per round)."""
    chosen = [
        each
        for each in where(configurations, {"game.name": family, "algorithm.name": algorithm})
        if (each.config["samples_per_round"] is None) == (mode == _EXACT)
    ]
    epsilons = of_the_same_seeds(chosen)[0].thresholds
    ways = [
        np.stack([costs(each, epsilon, unit) for epsilon in epsilons], axis=1) for each in chosen
    ]
    return epsilons, np.stack(ways, axis=-1)


def draw(configurations: Configurations) -> Figure:
    """Draw a panel for each unit and family, both axes logarithmic."""
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 7.0), layout="constrained")
        panels = figure.subplots(len(_UNITS), len(FAMILIES), sharex="col", sharey="row")
        for row, (unit, label) in zip(panels, _UNITS.items(), strict=True):
            for panel, family in zip(row, FAMILIES, strict=True):
                panel.set(xscale="log", yscale="log")
                for mode in (_EXACT, _SAMPLED):
                    if unit == "samples" and mode == _EXACT:
                        continue
                    for algorithm in _ALGORITHMS:
                        _draw_line(panel, configurations, family, algorithm, mode, unit)
                epsilons, found = costs_of(configurations, family, _ALGORITHMS[1], _SAMPLED, unit)
                mean = interquartile_mean(found).min(axis=-1)
                _draw_bounds(panel, unit, (epsilons[0], float(mean[0])))
            row[0].set_ylabel(f"{label}\nto a Nash gap of ε")
        for panel, family in zip(panels[0], FAMILIES, strict=True):
            panel.set_title(family.replace("_", " "))
            panel.invert_xaxis()
        for panel in panels[-1]:
            panel.set_xlabel("ε (reward)")
        legend_on_top(figure, columns=2)
    return figure


def evidence(configurations: Configurations) -> list[Evidence]:
    """Measure prediction's exponents, and beside them importance sampling's."""
    found = []
    for family in FAMILIES:
        for mode in (_EXACT, _SAMPLED):
            found.append(
                _exponent(configurations, "exponent_rounds", f"{family}, {mode}", mode, "round")
            )
        found.append(_exponent(configurations, "exponent_samples", family, _SAMPLED, "samples"))
    return found


def _exponent(
    configurations: Configurations, criterion: str, setting: str, mode: str, unit: Unit
) -> Evidence:
    family = setting.partition(",")[0]
    rival, ours = (_fit(configurations, family, algorithm, mode, unit) for algorithm in _ALGORITHMS)
    note = f"importance sampling {in_words(rival[0])}; {ours[1]}"
    return Evidence(criterion, setting, ours[0], note, rival[0])


def finding(configurations: Configurations) -> list[str]:
    """Say the exponents of both algorithms, and how far the bounds are."""
    lines = []
    for family in FAMILIES:
        parts = []
        for unit, label in _UNITS.items():
            for mode in (_EXACT, _SAMPLED):
                if unit == "samples" and mode == _EXACT:
                    continue
                fits = [
                    in_words(_fit(configurations, family, algorithm, mode, unit)[0])
                    for algorithm in _ALGORITHMS
                ]
                parts.append(f"{label}, {mode}: {fits[0]} and {fits[1]}")
        lines.append(
            f"**{family.replace('_', ' ')}**, fitted exponents in 1/ε, importance sampling and "
            f"prediction: {'; '.join(parts)}."
        )
    lines.append(
        "What to expect: near a strict equilibrium (`coverage`, the end of `saddle_chain`) natural "
        "policy gradient converges geometrically, so importance sampling needs O(log 1/ε) rounds, "
        "and prediction, whose line becomes exact, O(1); in `unanimous_failure` with four agents "
        "the gap falls like t^(-4/3), so local updates grow like ε^(-3/4), and rounds still only "
        "logarithmically. The worst-case bounds are far above all of this: no family here "
        "approaches them."
    )
    return lines


def _fit(
    configurations: Configurations, family: str, algorithm: str, mode: str, unit: Unit
) -> tuple[Estimate, str]:
    """Return the exponent and what a reader must know about the seeds."""
    epsilons, found = costs_of(configurations, family, algorithm, mode, unit)
    means = interquartile_mean(found).min(axis=-1)
    reached = [epsilon for epsilon, mean in zip(epsilons, means, strict=True) if np.isfinite(mean)]
    lost = int(np.isinf(found[:, -1]).sum(axis=0).min())
    note = (
        f"ε from {reached[0]:g} to {reached[-1]:g}; never arrived at "
        f"{epsilons[-1]:g}: {lost} of {len(found)}"
        if reached
        else "no ε was reached"
    )
    return exponent(found, epsilons), note


def _draw_line(
    panel: Axes, configurations: Configurations, family: str, algorithm: str, mode: str, unit: Unit
) -> None:
    epsilons, found = costs_of(configurations, family, algorithm, mode, unit)
    ends = bootstrap(lambda strata: interquartile_mean(strata[0], axis=1).min(axis=-1), [found])
    draw_estimates(
        panel,
        epsilons,
        [Estimate(*map(float, each)) for each in zip(*ends, strict=True)],
        look_of(algorithm),
        f"{name_of(algorithm)}, {mode}",
        filled=mode == _EXACT,
    )


def _draw_bounds(panel: Axes, unit: Unit, start: tuple[float, float]) -> None:
    """Draw the slopes of the bounds from a common point on."""
    panel.set_ylim(_LIMITS[unit])
    epsilon, cost = start
    for slope, name, side in _BOUNDS[unit]:
        # Where the line leaves the panel, a little below its top.
        top = 0.55 * _LIMITS[unit][1]
        end = epsilon * (top / cost) ** (-1 / slope)
        panel.plot(
            (epsilon, end),
            (cost, top),
            color="#777777",
            lw=0.9,
            ls=(0, (4, 2)),
            zorder=1,
            label="slopes of worst-case bounds",
            gid=MARK,
        )
        panel.annotate(
            name,
            (end, top),
            textcoords="offset points",
            xytext=(3 if side == "left" else -1, 2),
            ha=side,
            fontsize=7,
            color="#555555",
        )


FIGURE = PaperFigure(
    name="rates",
    number=2,
    title="Rounds and samples grow more slowly than worst-case bounds as the Nash gap ε shrinks",
    experiments=("rates", "rates_sampled"),
    caption=(
        "Interquartile mean over the seeds of the cost until the Nash gap is at most ε; bands: "
        "its 95 % bootstrap interval; smaller ε to the right. Filled markers: exact gradients; "
        "hollow: sampled, at each ε the cheapest of several numbers of samples per round, chosen "
        "anew for local updates, for rounds and for samples. A cross: more than a quarter of the "
        "seeds never arrived. Grey dashes: slopes of the paper's worst-case bounds (rounds "
        "ε^(-3/4), samples ε^(-11/4)) and of importance sampling with a bounded-ratio trigger "
        "(ε^(-1)); only their slope has a meaning. With exact gradients both algorithms make the "
        "same local updates."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick={"rates": ("num_seeds=20",), "rates_sampled": ("num_seeds=10",)},
)
