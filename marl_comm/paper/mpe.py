"""MAPPO at full length in an environment of MPE: what its figures draw and tell.

Returns by algorithm and by how long rounds last, measured against full communication.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.return_tables import short
from marl_comm.analysis.returns import (
    first_returns,
    late_returns,
    paired,
    samples_used,
)
from marl_comm.paper.arms import (
    DRAWN,
    FULL,
    LARGE_BATCH,
    LARGER_PREDICTION,
    LARGER_SAMPLING,
    PREDICTION,
    REFERENCES,
    SAMPLING,
    UNCALIBRATED,
    Arm,
    found_arms,
    of_arm,
    periods,
    played_alike,
    played_longer,
    reference_of,
)
from marl_comm.paper.arms_shares import loss_of, losses_table, reference_for, regained_table
from marl_comm.paper.arms_tables import differences_table, rates_table, study_table
from marl_comm.paper.claims import CLAIMS
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence, slots_of
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top, reference_line
from marl_comm.plots.returns import AXES, draw_returns
from marl_comm.plots.style import RC_PARAMS, WIDTH

_TITLES = {"samples": "τ = {}, by steps", "round": "τ = {}, by rounds"}
_LARGER = ", larger updates"
_LENGTH = ", τ = "  # before the local updates of a round, at the end of a setting
# What is asked of an arm: the criterion, the arm, what settings add to the environment's name, and
# its rival: what that does as well is no evidence for the arm.
_ASKED: tuple[tuple[str, Arm, str, Arm | None], ...] = (
    ("mappo_near", PREDICTION, "", SAMPLING),
    ("mappo_near", LARGER_PREDICTION, _LARGER, LARGER_SAMPLING),
    ("mappo_near_uncalibrated", UNCALIBRATED, "", SAMPLING),
    ("mappo_sampling_fails", SAMPLING, "", None),
    ("mappo_sampling_fails", LARGER_SAMPLING, _LARGER, None),
    ("mappo_large_batch_fails", LARGE_BATCH, "", None),
)


@dataclass(frozen=True)
class World:
    """What differs from one environment to another, apart from the words of its figure.

    Attributes:
        name: In messages and claims.
        random_play: Return of actions drawn uniformly; None where it was not measured, so that
            returns before learning take its place.
        scripted: Return of a policy that knows the task; None where none was written.
        told: A sentence with both, and how they were measured.
        shown: The returns that a figure has room for.
        ending: Of the keys of its criteria.
    """

    name: str
    random_play: float | None
    scripted: float | None
    told: str
    shown: tuple[float, float]
    ending: str = ""


def figure_in(
    world: World,
    *,
    name: str,
    number: int,
    title: str,
    caption: str,
    quick: Mapping[str, tuple[str, ...]],
) -> PaperFigure:
    """Return the figure of a study in an environment.

    Args:
        world: The environment.
        name: Of the figure; this and the next as `PaperFigure` has them.
        number: Where it stands.
        title: What it shows.
        caption: How to read it.
        quick: For each of its experiments, in their order, what makes it small.
    """
    return PaperFigure(
        name=name,
        number=number,
        title=title,
        experiments=tuple(quick),
        caption=caption,
        draw=partial(_draw, world),
        evidence=partial(_judged, world),
        finding=partial(_finding, world),
        extra="jaxmarl",
        networks=True,
        quick=quick,
    )


def _draw(world: World, configurations: Configurations) -> Figure:
    """Draw returns against steps and rounds for the longest rounds, and final ones by length."""
    configurations = played_alike(configurations)
    drawn = _drawn(configurations)
    shown = _shown(configurations, drawn)
    before = float(first_returns(_needed(configurations, FULL, None)).mean())
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
        panels = figure.subplots(1, 3)
        for panel, axis in zip(panels, AXES, strict=False):
            for arm in (*REFERENCES, *found_arms(configurations, DRAWN)):
                period = None if arm in REFERENCES else shown
                configuration = of_arm(configurations, arm, period)
                if configuration is not None:
                    draw_returns(panel, configuration, axis, arm.look, arm.label)
            panel.set(xlabel=AXES[axis], title=_TITLES[axis].format(shown), ylim=world.shown)
            if world.random_play is None:
                reference_line(panel, "before learning", y=before)
            else:
                reference_line(panel, "random play", y=world.random_play)
            if world.scripted is not None:
                reference_line(panel, "a scripted policy", y=world.scripted)
                panel.get_lines()[-1].set_linestyle((0, (6, 2)))  # unlike that of random play
        panels[1].set_xscale("symlog", linthresh=10)
        panels[1].set_xlim(0, None)
        panels[1].xaxis.set_major_formatter(ScalarFormatter())
        _draw_final(panels[2], configurations, drawn, world.shown[0])
        panels[0].set_ylabel("return (reward, sum of agents)")
        legend_on_top(figure)
    return figure


def _draw_final(
    panel: Axes, configurations: Configurations, drawn: list[int], lowest: float
) -> None:
    arms = found_arms(configurations, DRAWN)
    for place, arm in enumerate(arms):
        there = [each for each in drawn if of_arm(configurations, arm, each) is not None]
        estimates = [mean_of(late_returns(_needed(configurations, arm, each))) for each in there]
        # Side by side, so that bars do not hide each other.
        shift = 1 + 0.06 * (place - (len(arms) - 1) / 2)
        positions = [each * shift for each in there]
        draw_estimates(panel, positions, estimates, arm.look, arm.label, band=False)
    reference, runs = reference_of(configurations)
    full = mean_of(late_returns(runs))
    look = reference.look
    panel.axhline(full.value, color=look.color, linestyle=look.linestyle, lw=1)
    if full.has_interval:
        panel.axhspan(full.low, full.high, color=look.color, alpha=0.12, lw=0)
    if len(drawn) > 1:  # one number makes no logarithmic axis
        panel.set_xscale("log")
        panel.set_xlim(min(drawn) / 1.5, max(drawn) * 1.5)
    else:
        panel.set_xlim(0.7 * drawn[0], 1.3 * drawn[0])
    panel.set_xticks(drawn, [str(each) for each in drawn])
    panel.minorticks_off()
    panel.set_ylim(bottom=max(lowest, panel.get_ylim()[0]))  # what is worse hides all others
    panel.set(xlabel="local updates per round, τ", title="last three evaluations")


def _judged(world: World, configurations: Configurations) -> list[Evidence]:
    """Return the evidence, but for lengths of rounds that no claim asks for, as quick scale has."""
    asked = slots_of(CLAIMS).keys()
    lengths = {(key, _without_length(setting)) for key, setting in asked}
    return [
        each
        for each in _evidence(world, configurations)
        if (each.criterion, each.setting) in asked
        or (each.criterion, _without_length(each.setting)) not in lengths  # no claim knows it
    ]


def _without_length(setting: str) -> str:
    return setting.partition(_LENGTH)[0]


def _evidence(world: World, configurations: Configurations) -> list[Evidence]:
    """Measure what prediction and its rivals lose, for each length of rounds that was played.

    Full communication has updates of the same size; for one large update it is the better form.
    """
    configurations = played_alike(configurations)
    found = []
    for (key, arm, added, rival), period in product(_ASKED, periods(configurations)):
        configuration = of_arm(configurations, arm, period)
        beside = None if rival is None else of_arm(configurations, rival, period)
        if configuration is None or (rival is not None and beside is None):
            continue
        full = reference_for(configurations, arm)
        ours, theirs = paired(late_returns, configuration, full)
        note = (
            f"return {in_words(mean_of(ours))}, of full communication {in_words(mean_of(theirs))}"
        )
        setting = f"{world.name}{added}{_LENGTH}{period}"
        of_rival = None if beside is None else loss_of(beside, full)
        loss = loss_of(configuration, full)
        if of_rival is not None:
            note += f"; importance sampling loses {in_words(of_rival)}"
        found.append(Evidence(key + world.ending, setting, loss, note, of_rival))
    return found


def _finding(world: World, configurations: Configurations) -> list[str]:
    """Give the tables: what each came to, what differs from full communication, the grid."""
    study = played_alike(configurations)
    parts = [
        "Interquartile means over seeds with 95 % intervals; returns are means of the last three "
        f"evaluations. {world.told}ESS and KL: means over local updates on old data.",
        study_table(study),
        "Paired by seed, return with sampled actions. The smallest detectable effect is the "
        "difference that a paired t-test at 5 % would find four times in five. Arms are compared "
        "with importance sampling and one large update of as many joint steps a round.",
        differences_table(study),
        "The same with the likeliest actions.",
        differences_table(study, "greedy"),
        "What is lost against full communication with updates as large (one large update: against "
        "the better of its two forms), as a share of what that gains; on the way: means over all "
        "evaluations in place of the last three.",
        losses_table(study),
    ]
    regained = regained_table(study)
    if regained:
        parts += [
            "What others regain of the return that importance sampling with small updates, and as "
            "many joint steps a round, loses against full communication with small updates; and "
            "by how much their data are worth more, or farther away.",
            regained,
        ]
    for arm, each in played_longer(configurations):
        steps, sampled, greedy = (
            short(mean_of(values))
            for values in (
                samples_used(each),
                late_returns(each),
                late_returns(each, actions="greedy"),
            )
        )
        parts.append(
            f"{arm.label.capitalize()}, for longer ({steps} joint steps a seed): {sampled} with "
            f"sampled actions, {greedy} with the likeliest ones."
        )
    grid = rates_table(configurations)
    if grid:
        parts += [
            "The grid from which each algorithm has its learning rates, those of policies and "
            "critics alike, on seeds that are not compared; full communication, and the others at "
            "τ = 10. Means of the last three evaluations, sampled actions, ± a standard error; the "
            "best of each line stands in bold.",
            grid,
        ]
    return parts


def _drawn(configurations: Configurations) -> list[int]:
    """Return the periods at which arms that have curves were played."""
    found = [(arm, each) for arm in DRAWN for each in periods(configurations)]
    return sorted({each for arm, each in found if of_arm(configurations, arm, each) is not None})


def _shown(configurations: Configurations, drawn: list[int]) -> int:
    """Return the period at which the curves are drawn: the longest at which all were played."""
    arms = found_arms(configurations, DRAWN)
    complete = [
        each for each in drawn if all(of_arm(configurations, arm, each) is not None for arm in arms)
    ]
    return max(complete or drawn)


def _needed(configurations: Configurations, arm: Arm, period: int | None) -> Configuration:
    found = of_arm(configurations, arm, period)
    if found is None:
        raise LookupError(f"no runs of {arm.label} at a period of {period}")
    return found


_SMALL = ("game.copies=4", "game.evaluation_copies=4", "learner.epochs=1", "metrics.every=1")
_ONE_RATE = "hydra.sweeper.params={learner.learning_rate:0.004}"
QUICK = (*_SMALL, "num_seeds=6", "max_local_steps=8", "game.evaluation_every=2")
"""Overrides that make a study small, to see that it runs."""
QUICK_PERIOD = (*QUICK, "hydra.sweeper.params={communication.period:5}")
"""The same for one that sweeps over the lengths of rounds."""
QUICK_GRID = (*_SMALL, "num_seeds=2", "max_local_steps=3", "game.evaluation_every=1", _ONE_RATE)
"""The same for a grid of learning rates."""
