"""Make the coming local updates on the last round's data."""

from collections.abc import Iterator

from marl_comm.algorithms.base_policy_prediction.predictor import Predictor
from marl_comm.arrays import Array, IntArray
from marl_comm.learners.learner import TabularLearner
from marl_comm.options.answers import RunSettings


class Rehearse(Predictor):
    """The policies after local updates on the data at hand, as if they were as good as new."""

    def problems(self, run: RunSettings) -> Iterator[str]:
        """It needs data."""
        if run.exact:
            yield (
                "algorithm.predictor=rehearse samples_per_round=null: there are no samples to "
                "rehearse on; set samples_per_round to a number or algorithm.predictor=line"
            )

    def predict(self, learner: TabularLearner, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the rehearsed policies. See `Predictor`."""
        return learner.predict_rehearsal(rows, updates)


THE_PREDICTOR = Rehearse
