"""What the training loop, the algorithms and the recorder ask of a learner."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.experience import Staleness
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.quotient import Signal

if TYPE_CHECKING:  # torch takes seconds to import, which tables need not wait for
    from torch import Tensor

    from marl_comm.experience.network_bases import NetworkBases

PlanT = TypeVar("PlanT", contravariant=True)
BehavioursT = TypeVar("BehavioursT", covariant=True)
ExperienceT = TypeVar("ExperienceT", contravariant=True)
PolicyT = TypeVar("PolicyT", covariant=True)


class Trained(Protocol):
    """What the recorder asks of a learner."""

    def diagnostics(self) -> Mapping[str, AnyArray]:
        """Return figures of the latest update for the log, each (rows,)."""


class Learner(Trained, Protocol[PlanT, BehavioursT, ExperienceT, PolicyT]):
    """Holds the policies and the data of the active seeds, one row each.

    It exchanges plans of base policies with algorithms; behaviours, experience and policies with
    games. The loop only passes them on.
    """

    @property
    def rows(self) -> int:
        """Number of active seeds."""

    @property
    def policy(self) -> PolicyT:
        """The current policies of all rows, as the game's `evaluate` takes them."""

    def final_arrays(self, rows: IntArray) -> Mapping[str, AnyArray]:
        """Return what some rows have learned, arrays by name, as a run leaves them."""

    def begin_from(self, arrays: Mapping[str, AnyArray]) -> None:
        """Begin at what another run has learned, before anything is done.

        Args:
            arrays: As `final_arrays` names them, a row for each of this learner's.

        Raises:
            LookupError: One is missing.
            ValueError: They do not fit this learner.
        """

    def behaviours_for(self, bases: PlanT) -> BehavioursT:
        """Return what agents play to collect data around the planned base policies."""

    def receive(self, rows: IntArray, experience: ExperienceT) -> None:
        """Take over a round's data for the given rows, replacing what they had."""

    def weigh(self) -> Staleness:
        """Weigh the data for the policy as it is now."""

    def signal(self) -> Signal:
        """Return what the coming update promises. See `communication.schedule.Data`."""

    def value_change(self) -> Array:
        """Return how the estimated team value has risen. See `communication.schedule.Data`."""

    def update(self) -> None:
        """Make one local update of every row from the data it has."""

    def state(self) -> dict[str, Any]:
        """Return all that changes while learning, for a checkpoint."""

    def restore(
        self, state: dict[str, Any], restore_experience: Callable[[dict[str, Any]], Any]
    ) -> None:
        """Take over the state of a checkpoint; the game's function restores its data."""

    def keep(self, rows: IntArray) -> None:
        """Drop all rows but the given ones."""


class TabularLearner(Protocol):
    """What algorithms for tables ask of their learner. Policies are log-probabilities."""

    @property
    def log_policy(self) -> Array:
        """The current policy of each active seed, (rows, ..., agents, actions)."""

    @property
    def behaviours(self) -> BasePolicies | None:
        """The behaviour policies of the current data; None before the first round."""

    @property
    def furthest(self) -> IntArray:
        """(rows,), the furthest base policy that was ever nearest during the round."""

    def weigh(self) -> Staleness:
        """Weigh the data for the policy as it is now."""

    def predict_line(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … local updates along the recent direction."""

    def predict_rehearsal(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … local updates rehearsed on the last round's data."""

    def predict_last(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … repetitions of the last local update."""

    def predict_on_model(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … local updates on the model of rewards."""

    def predict_exact(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … exact local updates, which agents cannot know."""

    def divergence(self, rows: IntArray, log_policy: Array, log_base: Array) -> Array:
        """Return the Renyi-2 divergence of two policies of the given rows, (rows,), in nats."""


class NetworkLearner(Protocol):
    """What algorithms for networks ask of their learner. A policy is its parameters, (P,)."""

    @property
    def parameters(self) -> "Tensor":
        """The current policy of each active seed, (rows, P)."""

    @property
    def bases(self) -> "NetworkBases | None":
        """The policies that collected the latest round; None before the first round."""

    @property
    def rounds(self) -> "Tensor":
        """(rows,), rounds received so far."""

    @property
    def updates(self) -> "Tensor":
        """(rows,), local updates since the latest round."""

    def predict(self, rows: "Tensor", positions: int) -> "Tensor":
        """Return where the policies will be after 0, 1, … local updates, (n, positions, P)."""

    def trust(self, rows: "Tensor", predicted: "Tensor") -> "Tensor":
        """Return how far to go with predictions, (n, positions)."""
