"""What the learners of each kind of policies share."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal, Protocol, Self

from marl_comm.algorithms.algorithm import TabularAlgorithm
from marl_comm.arrays import Array
from marl_comm.experience import BasePolicies, Experience
from marl_comm.games.game import TabularGame
from marl_comm.learners.learner import Learner, TabularLearner
from marl_comm.options.answers import LearnerSettings, Policies, RunSettings

if TYPE_CHECKING:  # torch takes seconds to import, which tables need not wait for
    from marl_comm.algorithms.networks import NetworkAlgorithm
    from marl_comm.games.environments.player import EnvironmentGame
    from marl_comm.games.environments.spec import Spec
    from marl_comm.learners.networks import LearnerOfNetworks


class LearnerOfTables(
    Learner[BasePolicies, BasePolicies, Experience, Array], TabularLearner, Protocol
):
    """What the loop and the algorithms ask of a learner of tables."""


class TabularLearnerSettings(LearnerSettings):
    """A learner whose policies are tables."""

    @property
    def policies(self) -> Policies:
        """Tables."""
        return "tables"

    @abstractmethod
    def build(
        self, run: RunSettings, game: TabularGame, algorithm: TabularAlgorithm
    ) -> LearnerOfTables:
        """Return the learner at its initial policies."""


class NetworkLearnerSettings(LearnerSettings):
    """A learner whose policies are networks."""

    @property
    def policies(self) -> Policies:
        """Networks."""
        return "networks"

    @property
    def rounds_kept(self) -> int | None:
        """Networks keep the latest round's."""
        return 1

    def numbers_of_models(self, run: RunSettings) -> int:
        """None: networks have an estimate of their own."""
        return 0

    @property
    def by_stages(self) -> bool:
        """No."""
        return False

    @property
    @abstractmethod
    def networks_on(self) -> Literal["cpu", "cuda"]:
        """The device that networks are on."""

    @abstractmethod
    def on_cpu(self) -> Self:
        """Return the same settings, with networks on the CPU."""

    @property
    @abstractmethod
    def passes(self) -> int:
        """How often a local update goes over its data, to tell the time left."""

    @abstractmethod
    def observations_travel(self, run: RunSettings) -> bool:
        """Whether anything that an agent does in a run depends on what others have seen or done."""

    @abstractmethod
    def refuse_too_large_runs(self, run: RunSettings, spec: "Spec", gpu_bytes: int | None) -> None:
        """Raise InputError where the run would need more memory than there is.

        Args:
            run: All settings.
            spec: What the environment looks like to its agents.
            gpu_bytes: The memory of the GPU that the run is to use; None on a CPU.
        """

    @abstractmethod
    def build(
        self, run: RunSettings, game: "EnvironmentGame", algorithm: "NetworkAlgorithm"
    ) -> "LearnerOfNetworks":
        """Return the learner with newly drawn networks."""
