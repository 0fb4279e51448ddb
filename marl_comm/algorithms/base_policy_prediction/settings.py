"""Settings of base-policy prediction: one class for tables, one for networks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, final

from pydantic import Field

from marl_comm.algorithms.algorithm import TabularAlgorithm
from marl_comm.algorithms.base_policy_prediction.predictor import (
    NETWORK_PREDICTORS,
    TABLE_PREDICTORS,
    predictor_named,
)
from marl_comm.algorithms.base_policy_prediction.tables import BasePolicyPrediction
from marl_comm.algorithms.current_policy import nothing_left
from marl_comm.games.settings import TabularGameSettings
from marl_comm.options.answers import AlgorithmSettings, Policies, RunSettings
from marl_comm.settings import Magnitude

# Names are read off the folders that hold the predictors, which the type checker cannot do.
if TYPE_CHECKING:
    from marl_comm.algorithms.networks import NetworkAlgorithm

    _TablePredictor = str
    _NetworkPredictor = str
else:
    _TablePredictor = TABLE_PREDICTORS
    _NetworkPredictor = NETWORK_PREDICTORS


class _PredictionSettings(AlgorithmSettings):
    """What both forms share.

    Attributes:
        policies: What the learner learns.
    """

    policies: Policies

    @property
    def predicts(self) -> bool:
        """Yes."""
        return True

    @property
    def one_large_update(self) -> bool:
        """No."""
        return False

    def problems(self, run: RunSettings) -> Iterator[str]:
        """It needs rounds that last, and a learner of its kind."""
        yield from nothing_left(self.name, run)
        if self.policies != run.learner.policies:
            yield (
                f"algorithm.policies={self.policies} learner={run.learner.name}: "
                f"{run.learner.name} learns {run.learner.policies}; leave algorithm.policies out "
                "(the learner chooses it)"
            )


@final
class TablePredictionSettings(_PredictionSettings):
    """Collects each round's data for a sequence of predicted policies, which are tables.

    Attributes:
        policies: What the learner learns.
        spacing: Distance between neighbouring base policies, in `spacing_unit`.
        spacing_unit: Renyi-2 divergence in nats, or local updates.
        max_bases: Most base policies in a round, the current policy included.
        horizon: Whether the number of bases adapts to how far past rounds got.
        predictor: How the coming policies are predicted.
        weights: Whether samples are weighed against the mixture of all bases, or those of base t
            against base t alone, at local update t.
    """

    name: Literal["base_policy_prediction"]
    policies: Literal["tables"]
    spacing: Magnitude
    spacing_unit: Literal["divergence", "local_updates"]
    max_bases: Annotated[int, Field(ge=2, le=1000)]
    horizon: Literal["adaptive", "fixed"]
    predictor: _TablePredictor
    weights: Literal["mixture", "own_base"]

    @property
    def most_bases(self) -> int:
        """The setting `max_bases`."""
        return self.max_bases

    @property
    def asks_the_game(self) -> bool:
        """As the predictor says."""
        return predictor_named(self.predictor).asks_the_game

    def problems(self, run: RunSettings) -> Iterator[str]:
        """Also, every base policy needs data."""
        yield from super().problems(run)
        yield from predictor_named(self.predictor).problems(run)
        yield from self._problems_of_own_bases(run)
        if run.samples_per_round is None or not isinstance(run.game, TabularGameSettings):
            return
        length = run.game.episode_length
        if self._bases_in(run) > run.samples_per_round // length:
            needs = "a sample" if length == 1 else f"an episode of {length} samples"
            yield (
                f"algorithm.max_bases={self.max_bases} samples_per_round={run.samples_per_round}: "
                f"every base policy needs {needs}; set samples_per_round to "
                f"{self._bases_in(run) * length} or more, or lower algorithm.max_bases (at least 2)"
            )

    def _bases_in(self, run: RunSettings) -> int:
        """Return how many bases a round may have: with own ones, no more than local updates."""
        return min(self.max_bases, run.longest_round) if self._own_base else self.max_bases

    @property
    def _own_base(self) -> bool:
        return self.weights == "own_base"

    def _problems_of_own_bases(self, run: RunSettings) -> Iterator[str]:
        """Base t must be that of local update t, and of the latest round."""
        if not self._own_base:
            return
        if self.spacing_unit != "local_updates" or self.spacing != 1:
            yield (
                f"algorithm.weights=own_base algorithm.spacing_unit={self.spacing_unit} "
                f"algorithm.spacing={self.spacing:g}: local update t has a base of its own only "
                "with algorithm.spacing_unit=local_updates algorithm.spacing=1, which "
                "algorithm/prediction=paper sets, or choose algorithm.weights=mixture"
            )
        if run.most_rounds_kept > 1:
            yield (
                "algorithm.weights=own_base with the data of earlier rounds: only the mixture "
                "weighs them; set learner.reuse=latest or algorithm.weights=mixture"
            )

    def for_tables(self, run: RunSettings) -> TabularAlgorithm:
        """Return the plan for tables."""
        return BasePolicyPrediction(
            spacing=self.spacing,
            spacing_unit=self.spacing_unit,
            max_bases=self._bases_in(run),
            horizon=self.horizon,
            predictor=predictor_named(self.predictor),
            weights=self.weights,
            longest_round=run.longest_round,
        )

    def for_networks(self, run: RunSettings) -> "NetworkAlgorithm":
        """Say that this form is not for networks; `problems` has refused it before."""
        raise TypeError("policies=tables")


@final
class NetworkPredictionSettings(_PredictionSettings):
    """Collects each chunk of a round with the network predicted for its local update.

    Attributes:
        policies: What the learner learns.
        predictor: How the coming policies are predicted.
        calibration: Whether predictions are trusted only as far as past ones were right.
    """

    name: Literal["base_policy_prediction"]
    policies: Literal["networks"]
    predictor: _NetworkPredictor
    calibration: bool

    @property
    def most_bases(self) -> int:
        """Networks have one for each chunk; tables, which this form is not for, one."""
        return 1

    @property
    def asks_the_game(self) -> bool:
        """As the predictor says."""
        # Imported late: torch takes seconds, which tables need not wait for.
        from marl_comm.learners.mappo import predictor

        return predictor.predictor_named(self.predictor).asks_the_game

    def for_tables(self, run: RunSettings) -> TabularAlgorithm:
        """Say that this form is not for tables; `problems` has refused it before."""
        raise TypeError("policies=networks")

    def for_networks(self, run: RunSettings) -> "NetworkAlgorithm":
        """Return the plan for networks."""
        # Imported late: torch takes seconds, which tables need not wait for.
        from marl_comm.algorithms.base_policy_prediction.networks import PredictedNetworks
        from marl_comm.algorithms.current_networks import RoundLength

        return PredictedNetworks(
            RoundLength.of_run(run), calibrated=self.calibration, predictor=self.predictor
        )
