"""What base-policy prediction asks of a predictor, and how predictors are found."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from marl_comm.algorithms.base_policy_prediction import predictors
from marl_comm.arrays import Array, IntArray
from marl_comm.learners.learner import TabularLearner
from marl_comm.learners.mappo import predictors as network_predictors
from marl_comm.options.answers import RunSettings
from marl_comm.options.found import refuse_incomplete


class Predictor(ABC):
    """Predicts the coming policies of tables.

    A file in the folder `predictors` whose class `THE_PREDICTOR` is one is an option; its name is
    the file's.

    Attributes:
        asks_the_game: Whether it follows exact figures of the game, which no agent could know.
    """

    asks_the_game: ClassVar[bool] = False

    @abstractmethod
    def problems(self, run: RunSettings) -> Iterator[str]:
        """Yield a line for each thing that makes no sense beside the other settings."""

    @abstractmethod
    def predict(self, learner: TabularLearner, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … local updates, (R, ..., agents, actions).

        Args:
            learner: Holds the policies and the data of the active seeds.
            rows: (R,), the rows to predict.
            updates: The most policies to yield.
        """


def predictor_named(name: str) -> Predictor:
    """Return a predictor of tables by its name."""
    module = importlib.import_module(f"{predictors.__name__}.{name}")
    kind: type[Predictor] = module.THE_PREDICTOR
    refuse_incomplete(kind, f"algorithm.predictor={name}")
    return kind()


def _literal(package: Any) -> Any:
    """Return the type of a setting that names one of a folder's files."""
    return Literal[tuple(found.name for found in pkgutil.iter_modules(package.__path__))]


TABLE_PREDICTORS: Any = _literal(predictors)
NETWORK_PREDICTORS: Any = _literal(network_predictors)
