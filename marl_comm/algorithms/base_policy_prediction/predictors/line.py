"""Go on in the recent direction."""

from collections.abc import Iterator

from marl_comm.algorithms.base_policy_prediction.predictor import Predictor
from marl_comm.arrays import Array, IntArray
from marl_comm.learners.learner import TabularLearner
from marl_comm.options.answers import RunSettings


class Line(Predictor):
    """The k-th policy is proportional to pi exp(k d).

    d is the running mean of the last changes of log pi, which is the step size times the mean of
    the last gradients.
    """

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none."""
        yield from ()

    def predict(self, learner: TabularLearner, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies on the line. See `Predictor`."""
        return learner.predict_line(rows, updates)


THE_PREDICTOR = Line
