"""Says at the end of a run whether predicting base policies was worth it."""

import math
from collections.abc import Sequence
from typing import Any

from marl_comm.loggers import Point
from marl_comm.rows import Saveable, Shared, record

_FIELDS = ("cosine", "kappa", "kl", "kl_unpredicted")
_HELPS = 0.9  # below this share of the unpredicted divergence, prediction has done something
_HARMS = 1.1


@record
class PredictabilityReport(Saveable):
    """Means over all local updates whose base policy was predicted, of all seeds.

    `kl` is the divergence of the current policy from the base policy that collected its data;
    `kl_unpredicted` the one from the policy at the round's start, which would have collected them
    without prediction: both on the same local updates, so they are a pair.
    """

    _sums: Shared[dict[str, float]]
    _counts: Shared[dict[str, int]]

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._sums = dict.fromkeys(_FIELDS, 0.0)
        self._counts = dict.fromkeys(_FIELDS, 0)

    def add(self, points: Sequence[Point]) -> None:
        """Take in the points of a local update."""
        for point in points:
            if math.isnan(point.get("kl_unpredicted", math.nan)):
                continue  # nothing was predicted here
            for field in _FIELDS:
                if not math.isnan(point[field]):
                    self._sums[field] += point[field]
                    self._counts[field] += 1

    def summary(self, *, asked_the_game: bool = False) -> dict[str, Any]:
        """Return the means, how many local updates they are over, and one sentence.

        Args:
            asked_the_game: Whether bases came from whoever knows more than any agent; then said.
        """
        means: dict[str, float | None] = {
            field: self._sums[field] / self._counts[field] if self._counts[field] else None
            for field in _FIELDS
        }
        iterations = self._counts["kl_unpredicted"]
        verdict = _verdict(means, iterations)
        if asked_the_game:
            verdict += " No agent could run this: it is a ceiling."
        return {"iterations": iterations, **means, "verdict": verdict}


def _verdict(means: dict[str, float | None], iterations: int) -> str:
    kl, unpredicted, kappa = means["kl"], means["kl_unpredicted"], means["kappa"]
    if iterations == 0 or kl is None or unpredicted is None or kappa is None:
        return "No base policy was predicted in this run."
    numbers = (
        f"mean KL from the current policy to the policy that collected its data {kl:.3g}, without "
        f"prediction {unpredicted:.3g}; share of the predicted way gone (kappa) {kappa:.2f}"
    )
    if kl < _HELPS * unpredicted:
        return f"Prediction helps here: {numbers}."
    if kl > _HARMS * unpredicted:
        return f"Prediction harms here: {numbers}."
    return f"Prediction does nothing here: {numbers}."
