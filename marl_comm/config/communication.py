"""Settings of the schedules, one class per option of the `communication` group."""

from typing import Annotated, Literal

from pydantic import Field

from marl_comm.settings import ConfigModel, Count


class _BudgetConfig(ConfigModel):
    """What all schedules share.

    Attributes:
        max_rounds: Most communication rounds of a seed; None sets no limit.
        max_samples: Most joint actions that a seed may sample; None sets no limit.
    """

    max_rounds: Count | None
    max_samples: Annotated[int, Field(ge=1, le=10**15)] | None


class UnlimitedConfig(_BudgetConfig):
    """A round at every local update."""

    name: Literal["unlimited"]


class _ScheduleConfig(_BudgetConfig):
    """What schedules share that let policies drift between rounds.

    Attributes:
        warmup: Most local updates in the first round; None sets no limit.
    """

    warmup: Count | None


class PeriodicConfig(_ScheduleConfig):
    """A round every `period` local updates."""

    name: Literal["periodic"]
    period: Count


class MissingConfig(_ScheduleConfig):
    """At each local update new data are missing with `probability`."""

    name: Literal["missing"]
    probability: Annotated[float, Field(ge=0, lt=1)]


class AdaptiveConfig(_ScheduleConfig):
    """A round when the data have become too old for the current policy.

    Attributes:
        ess_threshold: Effective sample size, as a share of the samples, that triggers a round.
        max_local_updates: Most local updates between two rounds.
    """

    name: Literal["adaptive"]
    ess_threshold: Annotated[float, Field(gt=0, lt=1)]
    max_local_updates: Count


CommunicationConfig = Annotated[
    UnlimitedConfig | PeriodicConfig | MissingConfig | AdaptiveConfig, Field(discriminator="name")
]
