"""Settings of the learners, one class per option of the `learner` group."""

from typing import Annotated, Literal

from pydantic import Field

from marl_comm.config.base import ConfigModel, Magnitude


class NaturalPolicyGradientConfig(ConfigModel):
    """Softmax natural policy gradient on tables.

    Attributes:
        step_size: Factor on estimated action values in the exponent of an update.
        exploration: Share of the uniform policy in each agent's behaviour; None chooses it.
        estimator: How action values come from weighted samples.
        truncation: Largest importance weight of the `truncated` estimator.
        policy_floor: Smallest probability that a policy gives an action.
    """

    name: Literal["npg"]
    step_size: Magnitude
    exploration: Annotated[float, Field(ge=0, lt=1)] | None
    estimator: Literal["ordinary", "self_normalised", "truncated"]
    truncation: Annotated[float, Field(gt=0, le=1e12)]
    # The lower limit keeps reciprocals finite.
    policy_floor: Annotated[float, Field(ge=1e-300, le=0.5)]


LearnerConfig = NaturalPolicyGradientConfig
