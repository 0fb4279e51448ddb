"""Make the coming local updates on a model of rewards."""

from collections.abc import Iterator

from marl_comm.algorithms.base_policy_prediction.predictor import Predictor
from marl_comm.arrays import Array, IntArray
from marl_comm.games.settings import TabularGameSettings
from marl_comm.learners.learner import TabularLearner
from marl_comm.learners.npg.settings import NaturalPolicyGradientSettings
from marl_comm.options.answers import RunSettings


class Model(Predictor):
    """The policies after local updates with the action values of the fitted model of rewards."""

    def problems(self, run: RunSettings) -> Iterator[str]:
        """It needs the model, which estimates are made with too."""
        learner = run.learner
        if isinstance(learner, NaturalPolicyGradientSettings) and not learner.models(run):
            yield (
                f"algorithm.predictor=model learner.estimator={learner.estimator}: there is no "
                "model to rehearse on; set learner.estimator=doubly_robust and samples_per_round "
                "to a number"
            )
        elif isinstance(run.game, TabularGameSettings) and run.game.episode_length > 1:
            yield (
                f"algorithm.predictor=model game={run.game.name}: in Markov games the model fits "
                "the values of the policies that played, not of coming ones; choose "
                "algorithm.predictor=line or rehearse"
            )

    def predict(self, learner: TabularLearner, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies that the model leads to. See `Predictor`."""
        return learner.predict_on_model(rows, updates)


THE_PREDICTOR = Model
