"""The arms of the long studies of MAPPO: how they are told apart, called and drawn."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.returns import late_returns
from marl_comm.paper.figure import Configurations
from marl_comm.plots.style import (
    BLACK,
    ORANGE,
    PURPLE,
    SKY_BLUE,
    YELLOW,
    Look,
    look_of,
    name_of,
)

_LENGTH = "max_local_steps", "game.copies", "game.steps"
PERIOD = "communication.period"
THRESHOLD = "communication.ess_threshold"


@dataclass(frozen=True)
class Arm:
    """What is compared, at every period.

    Attributes:
        label: In words.
        settings: What tells it from the others, by dotted key.
        look: Of its curve.
    """

    label: str
    settings: Mapping[str, Any]
    look: Look


_PLAIN = {
    "learner.chunks": "own",
    "learner.reuse": "latest",
    "learner.advantages": "gae",
    "learner.importance_weights": "per_agent",
    "learner.step_scaling": "none",
    "learner.critic": "central",
    "learner.recompute_advantages": False,
}


def _plain(algorithm: str, **settings: Any) -> Arm:
    told = {"algorithm.name": algorithm, **_PLAIN, **settings}
    return Arm(name_of(algorithm), told, look_of(algorithm))


FULL = _plain("full_communication")
LARGER_FULL = Arm(
    "full communication, larger updates",
    {**FULL.settings, "learner.recompute_advantages": True},
    Look(BLACK, "-", "X"),
)
REFERENCES = FULL, LARGER_FULL
"""What has a round at every update, and so no period."""
SAMPLING = _plain("importance_sampling")
LARGE_BATCH = _plain("large_batch")
PLAIN = Arm(
    "plain MAPPO (one large update, advantages once)",
    {**LARGE_BATCH.settings, "learner.recompute_advantages": "never"},
    Look(PURPLE, ":", "s"),
)
STALE = _plain("stale")
_PREDICTION = {"algorithm.predictor": "momentum", "algorithm.calibration": True}
PREDICTION = _plain("base_policy_prediction", **_PREDICTION)


def _form(name: str, of: Arm, look: Look, **settings: Any) -> Arm:
    changed = {key.replace("__", "."): value for key, value in settings.items()}
    return Arm(name, {**of.settings, **changed}, look)


UNCALIBRATED = _form(
    "prediction, not calibrated",
    PREDICTION,
    Look(PURPLE, (0, (6, 1, 1, 1)), "D"),
    algorithm__calibration=False,
)
CEILING = _form(
    "prediction, bases of a twin",
    UNCALIBRATED,
    Look(SKY_BLUE, (0, (2, 1)), "H"),
    algorithm__predictor="twin",
)
ALL_CHUNKS = _form(
    "importance sampling on all chunks",
    SAMPLING,
    Look(ORANGE, (0, (7, 2)), "d"),
    learner__chunks="all",
)
TWO_ROUNDS = _form(
    "importance sampling on the chunks of two rounds",
    ALL_CHUNKS,
    Look(ORANGE, ":", "X"),
    learner__reuse=2,
)
V_TRACE = _form(
    "importance sampling, V-trace",
    SAMPLING,
    Look(YELLOW, (0, (4, 1.5)), "P"),
    learner__advantages="vtrace",
)
SLOWER = _form(
    "importance sampling, slower on old data",
    SAMPLING,
    Look(YELLOW, "-.", "*"),
    learner__step_scaling="effective_sample_size",
)
OWN_CRITICS = _form(
    "importance sampling, own critics",
    SAMPLING,
    Look(BLACK, ":", "p"),
    learner__critic="own",
)
LARGER_SAMPLING = _form(
    "importance sampling, larger updates",
    SAMPLING,
    Look(ORANGE, "-", "v"),
    learner__recompute_advantages=True,
)
LARGER_PREDICTION = _form(
    "base-policy prediction, larger updates",
    PREDICTION,
    Look(SKY_BLUE, "-", "D"),
    learner__recompute_advantages=True,
)
ARMS = (
    PREDICTION,
    SAMPLING,
    LARGE_BATCH,
    ALL_CHUNKS,
    CEILING,
    UNCALIBRATED,
    TWO_ROUNDS,
    V_TRACE,
    SLOWER,
    OWN_CRITICS,
    STALE,
    LARGER_SAMPLING,
    LARGER_PREDICTION,
    PLAIN,
)
"""All but full communication, in the order of tables and legends."""
DRAWN = ARMS[:6]
"""Those of them that figures have curves of; tables have all."""


def of_arm(configurations: Configurations, arm: Arm, period: int | None) -> Configuration | None:
    """Return an arm's runs at a period; None where it was not played.

    Args:
        configurations: Of one environment and length.
        arm: Which.
        period: Local updates per round; None for full communication, which has none.

    Raises:
        LookupError: There are several, so that something tells them apart that no arm knows.
    """
    settings = dict(arm.settings) if period is None else {**arm.settings, PERIOD: period}
    return _one_at_most(having(configurations, settings), settings)


def with_as_many_steps(
    configurations: Configurations, arm: Arm, other: Configuration
) -> Configuration | None:
    """Return an arm's runs that have as many joint steps a round as others.

    Args:
        configurations: Of one environment and length.
        arm: Which.
        other: The others, with rounds of any length.

    Returns:
        None where it was not played, or the others have no rounds of a fixed period.

    Raises:
        LookupError: There are several.
    """
    if PERIOD not in other.config:
        return None
    fixed = [each for each in having(configurations, arm.settings) if PERIOD in each.config]
    found = [each for each in fixed if _steps_of_round(each) == _steps_of_round(other)]
    return _one_at_most(found, arm.settings)


def _one_at_most(
    found: Sequence[Configuration], settings: Mapping[str, Any]
) -> Configuration | None:
    if len(found) > 1:
        raise LookupError(f"{len(found)} configurations have {settings}, expected one at most")
    return found[0] if found else None


def reference_of(configurations: Configurations) -> tuple[Arm, Configuration]:
    """Return the better form of full communication, by the mean of its last evaluations.

    Raises:
        LookupError: None was played.
    """
    found = [(arm, of_arm(configurations, arm, None)) for arm in REFERENCES]
    there = [(arm, each) for arm, each in found if each is not None]
    if not there:
        raise LookupError("no runs of full communication")
    return max(there, key=lambda each: late_returns(each[1]).mean())


def found_arms(configurations: Configurations, arms: Sequence[Arm] = ARMS) -> list[Arm]:
    """Return which of some arms were played at any period."""
    fixed = [each for each in configurations if PERIOD in each.config]
    return [arm for arm in arms if having(fixed, arm.settings)]


def adaptive(configurations: Configurations) -> dict[float, Configuration]:
    """Return importance sampling with rounds that end by themselves, by the ESS that ends them."""
    found = having(configurations, {**SAMPLING.settings, "communication.name": "adaptive"})
    return {float(each.config[THRESHOLD]): each for each in found}


def played_alike(configurations: Configurations) -> list[Configuration]:
    """Return the runs of the study: those as long as the longest with rounds of a fixed period."""
    length = _length(configurations)
    return [each for each in configurations if _joint_steps(each) == length]


def tuned_beforehand(configurations: Configurations) -> list[Configuration]:
    """Return the runs of the grid, which are shorter than the study's."""
    length = _length(configurations)
    return [each for each in configurations if _joint_steps(each) < length]


def played_longer(configurations: Configurations) -> list[tuple[Arm, Configuration]]:
    """Return runs of full communication that are longer than the study's."""
    length = _length(configurations)
    return [
        (arm, each)
        for arm in REFERENCES
        for each in having(configurations, arm.settings)
        if _joint_steps(each) > length
    ]


def _length(configurations: Configurations) -> int:
    """Return the study's joint steps: the most of any arm with rounds of a fixed period."""
    return max(_joint_steps(each) for each in configurations if PERIOD in each.config)


def _joint_steps(configuration: Configuration) -> int:
    """Return how many joint steps of a seed local updates learn from."""
    return math.prod(int(configuration.config[key]) for key in _LENGTH)


def _steps_of_round(configuration: Configuration) -> int:
    """Return how many joint steps of a seed an ordinary round collects."""
    return math.prod(int(configuration.config[key]) for key in (PERIOD, *_LENGTH[1:]))


def having(configurations: Configurations, settings: Mapping[str, Any]) -> list[Configuration]:
    """Return what has all settings; a switch that older runs do not have was off."""
    return [
        each
        for each in configurations
        if all(each.config.get(key, False) == value for key, value in settings.items())
    ]


def periods(configurations: Configurations) -> list[int]:
    """Return the numbers of local updates per round that were run, ascending."""
    return sorted({int(each.config[PERIOD]) for each in configurations if PERIOD in each.config})
