"""An algorithm of the user's own: `algorithm=own algorithm.class=mypkg.plans:LastStep`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, final

from pydantic import Field

from marl_comm.algorithms.algorithm import Algorithm, TabularAlgorithm
from marl_comm.algorithms.checked import CheckedPlans
from marl_comm.options.answers import AlgorithmSettings, RunSettings
from marl_comm.options.own import OwnOption, imported, made
from marl_comm.options.watched import watched

if TYPE_CHECKING:  # torch takes seconds to import, which tables need not wait for
    from marl_comm.algorithms.networks import NetworkAlgorithm

_KEY = "algorithm.class"


@final
class OwnAlgorithmSettings(AlgorithmSettings, OwnOption):
    """A class of the user's own, a subclass of `algorithms.algorithm.Algorithm`.

    It is made with the most local updates that a round can last, and the arguments.

    Attributes:
        max_bases: The most base policies that it plans for a round of tables.
    """

    name: Literal["own"]
    max_bases: Annotated[int, Field(ge=1, le=1000)]

    @property
    def most_bases(self) -> int:
        """The setting `max_bases`."""
        return self.max_bases

    @property
    def predicts(self) -> bool:
        """It may."""
        return True

    @property
    def one_large_update(self) -> bool:
        """No."""
        return False

    @property
    def asks_the_game(self) -> bool:
        """It should not."""
        return False

    def problems(self, run: RunSettings) -> Iterator[str]:
        """There are none that are known."""
        yield from ()

    def ready(self, run: RunSettings) -> None:
        """Import the class; for networks, make it too.

        Raises:
            InputError: It cannot be had.
        """
        if run.learner.policies == "networks":
            self.for_networks(run)
        imported(self.class_, _KEY, Algorithm)

    def for_tables(self, run: RunSettings) -> TabularAlgorithm:
        """Return the algorithm, made for tables.

        Raises:
            InputError: The class cannot be had, or refuses the arguments.
        """
        of: type[TabularAlgorithm] = imported(self.class_, _KEY, Algorithm)
        checking = watched(of, CheckedPlans, f"{_KEY}={self.class_}", capacity=self.max_bases)
        return made(checking, self.class_, _KEY, run.longest_round, **self.arguments)

    def for_networks(self, run: RunSettings) -> "NetworkAlgorithm":
        """Return the algorithm, made for networks.

        Raises:
            InputError: The class cannot be had, or refuses the arguments.
        """
        from marl_comm.algorithms.checked_networks import CheckedNetworkPlans
        from marl_comm.algorithms.networks import NetworkAlgorithm

        of = imported(self.class_, _KEY, NetworkAlgorithm)
        checking = watched(of, CheckedNetworkPlans, f"{_KEY}={self.class_}")
        algorithm = made(checking, self.class_, _KEY, run.longest_round, **self.arguments)
        assert isinstance(algorithm, CheckedNetworkPlans)
        algorithm.refuse_predictor()
        return algorithm
