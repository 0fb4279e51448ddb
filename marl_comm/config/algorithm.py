"""Settings of the algorithms, one class per option of the `algorithm` group."""

from typing import Annotated, Literal

from pydantic import Field

from marl_comm.settings import ConfigModel, Magnitude


class FullCommunicationConfig(ConfigModel):
    """Fresh data at every local update."""

    name: Literal["full_communication"]


class ImportanceSamplingConfig(ConfigModel):
    """Reweighs the data of the policy at the round's start."""

    name: Literal["importance_sampling"]


class StaleConfig(ConfigModel):
    """Uses the data of the policy at the round's start as if it were the current policy's."""

    name: Literal["stale"]


class TablePredictionConfig(ConfigModel):
    """Collects each round's data for a sequence of predicted policies, which are tables.

    Attributes:
        policies: What the learner learns.
        spacing: Distance between neighbouring base policies, in `spacing_unit`.
        spacing_unit: Renyi-2 divergence in nats, or local updates.
        max_bases: Most base policies in a round, the current policy included.
        horizon: Whether the number of bases adapts to how far past rounds got.
        predictor: How the coming policies are predicted.
    """

    name: Literal["base_policy_prediction"]
    policies: Literal["tables"]
    spacing: Magnitude
    spacing_unit: Literal["divergence", "local_updates"]
    max_bases: Annotated[int, Field(ge=2, le=1000)]
    horizon: Literal["adaptive", "fixed"]
    predictor: Literal["line", "rehearse"]


class NetworkPredictionConfig(ConfigModel):
    """Collects each chunk of a round with the network predicted for its local update.

    Attributes:
        policies: What the learner learns.
        predictor: How the coming policies are predicted.
        calibration: Whether predictions are trusted only as far as past ones were right.
    """

    name: Literal["base_policy_prediction"]
    policies: Literal["networks"]
    predictor: Literal["momentum", "rehearse", "extrapolate"]
    calibration: bool


BasePolicyPredictionConfig = Annotated[
    TablePredictionConfig | NetworkPredictionConfig, Field(discriminator="policies")
]

AlgorithmConfig = Annotated[
    FullCommunicationConfig | ImportanceSamplingConfig | BasePolicyPredictionConfig | StaleConfig,
    Field(discriminator="name"),
]
