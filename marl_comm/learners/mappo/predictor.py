"""What MAPPO asks of a predictor of its networks, and how predictors are found."""

import importlib
from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from marl_comm.arrays import IntArray
from marl_comm.experience.rollouts import Rollouts
from marl_comm.games.environments.player import EnvironmentGame
from marl_comm.learners.mappo import predictors
from marl_comm.learners.mappo.state import State
from marl_comm.learners.mappo.updater import Updater
from marl_comm.options.found import refuse_incomplete


class NetworkPredictor(ABC):
    """Predicts the coming networks.

    A file in the folder `predictors` whose class `THE_PREDICTOR` is one is an option; its name is
    the file's.

    Attributes:
        asks_the_game: Whether it plays beside the run as often as it likes, which no agent could.
    """

    asks_the_game: ClassVar[bool] = False

    @abstractmethod
    def practise_in(self, game: EnvironmentGame) -> None:
        """Take environments that nobody else plays in: given to whoever asks the game."""

    @property
    @abstractmethod
    def rehearses(self) -> bool:
        """Whether only the local updates themselves tell where policies go."""

    @abstractmethod
    def step(
        self, updater: Updater, networks: State, start: Tensor, updates: Tensor
    ) -> Tensor | None:
        """Return what each coming local update adds to the policies, (rows, P).

        None where only the local updates themselves can tell: then `rehearsed` makes them.

        Args:
            updater: The update rule, and how far learning is.
            networks: As they are now.
            start: (rows, P), the policies at the start of the latest round.
            updates: (rows,), local updates since.
        """

    @abstractmethod
    def rehearsed(
        self,
        updater: Updater,
        networks: State,
        rollouts: Rollouts,
        rows: IntArray,
        positions: int,
    ) -> Tensor | None:
        """Return the policies after 0, 1, … local updates, (n, positions, P).

        None where each adds the same step, which is then added without rehearsing.

        Args:
            updater: The update rule, and how far learning is.
            networks: A copy of the given rows, which may be changed.
            rollouts: Their data.
            rows: (n,), the rows to predict.
            positions: How many policies to return.
        """


def predictor_named(name: str) -> NetworkPredictor:
    """Return a predictor of networks by its name."""
    module = importlib.import_module(f"{predictors.__name__}.{name}")
    kind: type[NetworkPredictor] = module.THE_PREDICTOR
    refuse_incomplete(kind, f"algorithm.predictor={name}")
    return kind()


class SteadyStep(NetworkPredictor):
    """A predictor that adds the same step at each coming local update."""

    @property
    def rehearses(self) -> bool:
        """No."""
        return False

    def practise_in(self, game: EnvironmentGame) -> None:
        """It plays nothing."""

    def rehearsed(
        self,
        updater: Updater,
        networks: State,
        rollouts: Rollouts,
        rows: IntArray,
        positions: int,
    ) -> Tensor | None:
        """There is nothing to rehearse."""
        return None


class Rehearsing(NetworkPredictor):
    """A predictor that makes the coming local updates on a copy of everything."""

    @property
    def rehearses(self) -> bool:
        """Yes."""
        return True

    def step(
        self, updater: Updater, networks: State, start: Tensor, updates: Tensor
    ) -> Tensor | None:
        """No step is known beforehand, and rehearsing at each would cost as much as learning."""
        return None
