"""The whole configuration of a run."""

import os
from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from marl_comm.config.combinations import problems
from marl_comm.errors import InputError
from marl_comm.loggers.settings import LoggerConfig
from marl_comm.options.answers import (
    AlgorithmSettings,
    CommunicationSettings,
    GameSettings,
    LearnerSettings,
    RunSettings,
)
from marl_comm.options.found import one_of
from marl_comm.settings import LONGEST_TEXT

# Options are found in their folders, which the type checker cannot do.
if TYPE_CHECKING:
    _Game = GameSettings
    _Algorithm = AlgorithmSettings
    _Communication = CommunicationSettings
    _Learner = LearnerSettings
else:
    _Game = one_of(GameSettings)
    _Algorithm = one_of(AlgorithmSettings)
    _Communication = one_of(CommunicationSettings)
    _Learner = one_of(LearnerSettings)


class RunConfig(RunSettings):
    """All settings of one run, valid in themselves and together. See `RunSettings`."""

    game: _Game
    algorithm: _Algorithm
    communication: _Communication
    learner: _Learner
    logger: LoggerConfig

    def in_group(self, group: str) -> Self:
        """Return the same run as a member of a W&B group, unless it or W&B's variable names one."""
        if self.logger.name != "wandb" or self.logger.group is not None:
            return self
        if os.environ.get("WANDB_RUN_GROUP"):
            return self
        logger = self.logger.model_copy(update={"group": group[:LONGEST_TEXT]})
        return self.model_copy(update={"logger": logger})

    def ready(self, *, environments: bool = True) -> None:
        """Make sure that what the options need can be had: imports classes of the user's own.

        Args:
            environments: Whether environments are made, too.

        Raises:
            InputError: Something cannot.
        """
        for option in self.options:
            if environments or option is not self.game or self.game.policies != "networks":
                option.ready(self)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Raise InputError where values that are allowed each do not go together."""
        for problem in problems(self):
            raise InputError(problem)
        return self
