"""Repeat the last local update, its gradient kept as it was."""

from collections.abc import Iterator

from marl_comm.algorithms.base_policy_prediction.predictor import Predictor
from marl_comm.arrays import Array, IntArray
from marl_comm.learners.learner import TabularLearner
from marl_comm.options.answers import RunSettings


class LastGradient(Predictor):
    """The k-th policy is proportional to pi exp(k step g), with the last local update's gradient g.

    The plainest reading of Xiong & Singh 2026 (arXiv 2601.12518); `line` takes a running mean.
    """

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()

    def predict(self, learner: TabularLearner, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies in the direction of the last update. See `Predictor`."""
        return learner.predict_last(rows, updates)


THE_PREDICTOR = LastGradient
