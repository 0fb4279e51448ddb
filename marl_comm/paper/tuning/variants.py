"""The algorithms that are compared, and what is tuned of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from marl_comm.paper.tuning.coordinates import Choice, Coordinate, Ladder, Value
from marl_comm.paper.tuning.problems import (
    FEWEST_UPDATES,
    LONGEST_ROUND,
    MOST_ROUNDS,
    MOST_ROUNDS_OF_ALL,
    Problem,
)

Cost = Literal["round", "bytes"]

_COMMUNICATION = "communication"
_PERIOD, _CAP = "communication.period", "communication.max_local_updates"
_SAMPLES = "samples_per_round"
_NEVER_BINDS = 10_000  # longer than a run
_ROOT_OF_TEN = 10**0.5
_PREDICTION = "algorithm=base_policy_prediction"


@dataclass(frozen=True)
class Variant:
    """An algorithm with an estimator and, if it has one, a predictor.

    Attributes:
        name: In tables and files.
        overrides: What makes it, apart from what is tuned.
        without: The variant of the same estimator that predicts nothing; its own name if it does
            not predict. A search begins where that one's ended.
        rarely: Whether it has a schedule to tune.
        tuned: Whether anything is tuned.
        modelled: Whether it needs a model of rewards.
    """

    name: str
    overrides: tuple[str, ...]
    without: str
    rarely: bool = True
    modelled: bool = False
    tuned: bool = True

    @property
    def predicts(self) -> bool:
        """Whether it collects for predicted policies."""
        return _PREDICTION in self.overrides

    def most_rounds(self, setting: Mapping[str, Value]) -> int:
        """Return the rounds after which a seed counts as never arrived.

        Where bytes are to be few, and so samples a round are tuned, rounds are no cost.
        """
        few = self.rarely and _SAMPLES not in setting
        return MOST_ROUNDS if few else MOST_ROUNDS_OF_ALL

    def most_updates(self, setting: Mapping[str, Value]) -> int:
        """Return after how many local updates a run ends: long rounds are not fewer for it."""
        longest = max(int(setting.get(key, 1)) for key in (_PERIOD, _CAP))
        return max(FEWEST_UPDATES, self.most_rounds(setting) * longest)

    def coordinates(self, problem: Problem, cost: Cost) -> list[Coordinate]:
        """Return what is tuned, what matters most first."""
        if not self.tuned:
            return []
        found: list[Coordinate] = []
        if self.rarely:
            found += _schedules(problem)
        # A round for every update is many rounds: to weigh all of them takes long, so last.
        reuse = ("all", "latest") if self.rarely else ("latest", "all")
        found += [
            Ladder("learner.step_size", None, problem.step_size, 2, 1e-6, 1e6),
            Choice("learner.reuse", None, reuse),
        ]
        if self.predicts:
            found += [
                Ladder("algorithm.spacing", None, 0.7, 2, 1e-3, 1e6),
                Ladder("algorithm.max_bases", None, 16, 2, 2, problem.samples, whole=True),
                Choice("algorithm.horizon", None, ("adaptive", "fixed")),
            ]
        if cost == "bytes":
            found.append(Ladder(_SAMPLES, None, problem.samples, 2, 1, 1e6, whole=True))
        return found

    def start(self, problem: Problem, cost: Cost) -> dict[str, Value]:
        """Return a usual setting."""
        coordinates = self.coordinates(problem, cost)
        return {
            each.key: each.start if isinstance(each, Ladder) else each.options[0]
            for each in coordinates
            if isinstance(each, Ladder | Choice)
        }


def _schedules(problem: Problem) -> list[Coordinate]:
    """Return the schedules with what is theirs; there is no warm-up unless it helps."""
    fewest = 1 / problem.samples  # an effective sample size is never below one sample
    noise, adaptive, periodic = (
        (_COMMUNICATION, name) for name in ("noise", "adaptive", "periodic")
    )
    longest_round = (40, 2, 1, LONGEST_ROUND)
    return [
        Choice(_COMMUNICATION, None, problem.schedules),
        Ladder("communication.noise_factor", noise, 1, 2, 1e-6, 1e6),
        Ladder("communication.ess_floor", noise, 0.00316, _ROOT_OF_TEN, fewest, 0.9),
        Ladder("communication.ess_threshold", adaptive, 0.01, _ROOT_OF_TEN, fewest, 0.9),
        Ladder(_PERIOD, periodic, *longest_round, whole=True),
        *(Ladder(_CAP, only, *longest_round, whole=True) for only in (noise, adaptive)),
        # No ladder: between never and the longest round all lengths are the same run, where a
        # climb would stop.
        Choice("communication.warmup", None, (_NEVER_BINDS, 1, 3, 10)),
    ]


def _predicting(name: str, predictor: str, without: str, *more: str) -> Variant:
    overrides = (_PREDICTION, f"algorithm.predictor={predictor}", *more)
    return Variant(name, overrides, without, modelled=bool(more))


_SAMPLED = "importance_sampling"
_ROBUST = "doubly_robust"
_WITH_MODEL = "learner.estimator=doubly_robust"
_RECOMMENDED = "experiment=recommended"
PLAIN = "algorithm=importance_sampling"

VARIANTS = (
    Variant(_SAMPLED, (PLAIN,), _SAMPLED),
    _predicting("prediction_line", "line", _SAMPLED),
    _predicting("prediction_rehearse", "rehearse", _SAMPLED),
    _predicting("prediction_last_gradient", "last_gradient", _SAMPLED),
    _predicting("prediction_oracle", "oracle", _SAMPLED),
    Variant(_ROBUST, (PLAIN, _WITH_MODEL), _ROBUST, modelled=True),
    _predicting("doubly_robust_line", "line", _ROBUST, _WITH_MODEL),
    _predicting("doubly_robust_model", "model", _ROBUST, _WITH_MODEL),
    _predicting("doubly_robust_oracle", "oracle", _ROBUST, _WITH_MODEL),
    Variant("model_alone", (PLAIN, "learner.estimator=model"), "model_alone", modelled=True),
    Variant(
        "full_communication",
        ("algorithm=full_communication",),
        "full_communication",
        rarely=False,
    ),
    Variant("recommended", (_RECOMMENDED,), "recommended", tuned=False),
    Variant("recommended_line", (_RECOMMENDED, _PREDICTION), "recommended", tuned=False),
    Variant(
        "recommended_doubly_robust",
        (_RECOMMENDED, _WITH_MODEL),
        "recommended_doubly_robust",
        modelled=True,
        tuned=False,
    ),
)
REFERENCE = _SAMPLED
ORACLE_OF = {_SAMPLED: "prediction_oracle", _ROBUST: "doubly_robust_oracle"}


def variants_of(problem: Problem) -> list[Variant]:
    """Return the variants that a problem admits."""
    return [each for each in VARIANTS if problem.one_shot or not each.modelled]
