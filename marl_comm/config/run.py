"""The whole configuration of a run."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from marl_comm.config.algorithm import AlgorithmConfig
from marl_comm.config.combinations import refuse_senseless_combinations
from marl_comm.config.communication import CommunicationConfig
from marl_comm.config.game import GameConfig
from marl_comm.config.learner import LearnerConfig
from marl_comm.config.logger import LoggerConfig
from marl_comm.config.memory import refuse_too_large_runs
from marl_comm.settings import LONGEST_TEXT, ConfigModel, Count, Seed


class MetricsConfig(ConfigModel):
    """What is measured, and how often.

    Attributes:
        gap_thresholds: Nash gaps for which the cost of getting there is reported.
        every: A point is logged each so many local updates, and at a seed's last one.
        stop_at_smallest_gap: Whether a seed ends at the smallest threshold.
    """

    gap_thresholds: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        Field(strict=False, min_length=1, max_length=32),
    ]
    every: Count
    stop_at_smallest_gap: bool


class RunConfig(ConfigModel):
    """All settings of one run, valid in themselves and together.

    Attributes:
        seed: First seed; the run plays seed, ..., seed + num_seeds - 1.
        num_seeds: Number of seeds, S.
        samples_per_round: Joint actions that a seed samples in a round, N; None plays with exact
            action values.
        max_local_steps: Most local updates of a seed.
        checkpoint_seconds: Seconds between two savings of the run's whole state.
        metrics: What is measured, and how often.
        game: The game.
        algorithm: Who plays when data are collected.
        communication: When data are shared, and how much.
        learner: How policies are updated.
        logger: Where results go beside the run directory.
    """

    seed: Seed
    num_seeds: Annotated[int, Field(ge=1, le=100_000)]
    samples_per_round: Count | None
    max_local_steps: Count
    checkpoint_seconds: Annotated[float, Field(gt=0, le=1e9)]
    metrics: MetricsConfig
    game: GameConfig
    algorithm: AlgorithmConfig
    communication: CommunicationConfig
    learner: LearnerConfig
    logger: LoggerConfig

    def in_group(self, group: str) -> Self:
        """Return the same run as a member of a W&B group, unless it names its own."""
        if self.logger.name != "wandb" or self.logger.group is not None:
            return self
        logger = self.logger.model_copy(update={"group": group[:LONGEST_TEXT]})
        return self.model_copy(update={"logger": logger})

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Raise InputError where values that are allowed each do not go together."""
        refuse_senseless_combinations(self)
        refuse_too_large_runs(self)
        return self
