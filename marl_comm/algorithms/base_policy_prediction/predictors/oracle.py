"""Follow the game's exact gradients: a ceiling for all predictors, which no agent could run."""

from collections.abc import Iterator

from marl_comm.algorithms.base_policy_prediction.predictor import Predictor
from marl_comm.arrays import Array, IntArray
from marl_comm.learners.learner import TabularLearner
from marl_comm.options.answers import RunSettings


class OraclePredictor(Predictor):
    """The policies after local updates with exact action values, which agents do not know.

    The expected path cannot be known better, so what it saves is what prediction can save at most.
    """

    asks_the_game = True

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none: tables are for games whose action values are known."""
        yield from ()

    def predict(self, learner: TabularLearner, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies on the exact path. See `Predictor`."""
        return learner.predict_exact(rows, updates)


THE_PREDICTOR = OraclePredictor
