"""What every option of a run must answer for itself.

An option is one choice of a configuration group, such as `game=coverage`. It is a class of
settings that lies beside its code: its fields are the keys that a user may set, its methods are
all that anybody else may ask of it. A method that an option forgets is an error of the type
checker, and one clear line at start.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from marl_comm.loggers import Mirror
from marl_comm.settings import Count, PathText, Seed, Settings

if TYPE_CHECKING:
    from marl_comm.algorithms.algorithm import TabularAlgorithm
    from marl_comm.algorithms.networks import NetworkAlgorithm
    from marl_comm.communication.schedule import Schedule
    from marl_comm.randomness import Streams

Policies = Literal["tables", "networks"]
"""What is learned: a table of probabilities for each state, or a network."""


class Option(Settings, ABC):
    """One choice of a configuration group.

    Attributes:
        name: As typed on the command line. Options give it a Literal type of one value.
    """

    if TYPE_CHECKING:  # each option declares it: its place among the keys is part of the format
        name: str

    @abstractmethod
    def problems(self, run: "RunSettings") -> Iterator[str]:
        """Yield a line for each thing that makes no sense beside the other settings.

        Each line names what was given and what to type instead. Nothing of the user's own is
        imported here.
        """

    def ready(self, run: "RunSettings") -> None:
        """Make sure that what the option needs can be had, before anything is written.

        Raises:
            InputError: It cannot.
        """


class GameSettings(Option):
    """A choice of the group `game`."""

    name: str

    @property
    @abstractmethod
    def policies(self) -> Policies:
        """What is learned in it."""

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What evaluations tell of episodes beside the return, such as whether they were won."""
        return ()


class AlgorithmSettings(Option):
    """A choice of the group `algorithm`."""

    name: str

    @property
    @abstractmethod
    def most_bases(self) -> int:
        """The most base policies that tables have in a round, for the estimate of memory."""

    @property
    @abstractmethod
    def predicts(self) -> bool:
        """Whether base policies are predicted; networks then keep predictions to score them."""

    @property
    @abstractmethod
    def one_large_update(self) -> bool:
        """Whether networks make one large update of a round, of which local updates are parts."""

    @property
    @abstractmethod
    def asks_the_game(self) -> bool:
        """Whether plans follow exact figures of the game, which no agent could know."""

    @abstractmethod
    def for_tables(self, run: "RunSettings") -> "TabularAlgorithm":
        """Return the algorithm for policies that are tables."""

    @abstractmethod
    def for_networks(self, run: "RunSettings") -> "NetworkAlgorithm":
        """Return the algorithm for policies that are networks."""


class CommunicationSettings(Option):
    """A choice of the group `communication`: when rounds happen, and how many may.

    Attributes:
        max_rounds: Most communication rounds of a seed; None sets no limit.
        max_samples: Most joint actions that a seed may sample; None sets no limit.
    """

    max_rounds: Count | None
    max_samples: Annotated[int, Field(ge=1, le=10**15)] | None

    @property
    @abstractmethod
    def every_update(self) -> bool:
        """Whether there is a round at every local update."""

    @property
    @abstractmethod
    def longest_round(self) -> int:
        """The most local updates that a round can last; where that is random, nearly always."""

    @property
    @abstractmethod
    def ends_by_itself(self) -> bool:
        """Whether a round may end before its longest time, so that its length is not known."""

    @property
    @abstractmethod
    def draws(self) -> bool:
        """Whether chance decides when rounds happen, so that seeds differ by it."""

    @abstractmethod
    def expected_rounds(self, local_updates: int) -> float:
        """Return roughly how many rounds so many local updates take, to tell the time left."""

    @property
    @abstractmethod
    def first_rounds(self) -> int | None:
        """The setting `warmup`: most local updates in the first round; None sets no limit."""

    @abstractmethod
    def schedule(self, streams: "Streams") -> "Schedule":
        """Return the schedule, without its first rounds. What it draws comes from the streams."""


class LearnerSettings(Option):
    """A choice of the group `learner`."""

    name: str

    @property
    @abstractmethod
    def policies(self) -> Policies:
        """What it learns."""

    @property
    @abstractmethod
    def begins_with(self) -> tuple[str, ...]:
        """The names of the arrays, of those it leaves at a run's end, that another begins with.

        Empty where it can only begin anew.
        """

    @property
    def shape(self) -> dict[str, object]:
        """The settings, by key, that must be equal for it to go on with what another has learned.

        What shapes of arrays tell need not be among them.
        """
        return {}

    @property
    @abstractmethod
    def rounds_kept(self) -> int | None:
        """Of how many rounds tables keep the data; None: of all. For the estimate of memory."""

    @property
    @abstractmethod
    def by_stages(self) -> bool:
        """Whether the steps of an episode learn one after another, so that each has its error."""

    @abstractmethod
    def numbers_of_models(self, run: "RunSettings") -> int:
        """How many numbers of 8 bytes models of tables' rewards hold, for the same estimate."""


class LoggerSettings(Option):
    """A choice of the group `logger`."""

    @abstractmethod
    def mirror(
        self, run: "RunSettings", directory: Path, draw: Callable[[Path], object]
    ) -> Mirror | None:
        """Start what logs a run beside the files of its directory; None where nothing does.

        Args:
            run: All settings.
            directory: Of the run.
            draw: Draws an episode of the finished run's policies into a file.
        """


Objective = Annotated[
    str,
    Field(
        pattern=r"^(nash_gap|return|won|(rounds_to|bytes_to):(0?\.[0-9]{1,16}|1(\.0)?|[1-9](\.[0-9]+)?e-[0-9]{1,2}))$",
        description="one of nash_gap, return, won, rounds_to:GAP, bytes_to:GAP",
    ),
]


class MetricsSettings(Settings):
    """What is measured, and how often.

    Attributes:
        gap_thresholds: Nash gaps for which the cost of getting there is reported.
        every: A point is logged each so many local updates, and at a seed's last one.
        stop_at_smallest_gap: Whether a seed ends at the smallest threshold.
        objective: What sweepers that search are to make small; None for the Nash gap, or where
            that is not known minus the return.
    """

    gap_thresholds: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        Field(strict=False, min_length=1, max_length=32),
    ]
    every: Count
    stop_at_smallest_gap: bool
    objective: (
        Annotated[
            tuple[Objective, ...],
            Field(strict=False, min_length=1, max_length=8),
            BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
        ]
        | None
    )


class RunSettings(Settings):
    """All settings of one run, as options see each other.

    Attributes:
        seed: First seed; the run plays seed, ..., seed + num_seeds - 1.
        num_seeds: Number of seeds, S.
        samples_per_round: Joint actions that a seed samples in a round, N; None plays with exact
            action values.
        max_local_steps: Most local updates of a seed.
        checkpoint_seconds: Seconds between two savings of the run's whole state.
        quiet: Whether to say nothing but warnings and errors.
        start_from: The directory of a finished run whose policies seeds begin with; None begins
            anew.
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
    quiet: bool
    start_from: PathText | None
    metrics: MetricsSettings
    game: GameSettings
    algorithm: AlgorithmSettings
    communication: CommunicationSettings
    learner: LearnerSettings
    logger: LoggerSettings

    @property
    def seeds(self) -> range:
        """Every seed of the run."""
        return range(self.seed, self.seed + self.num_seeds)

    @property
    def options(self) -> tuple[Option, ...]:
        """The chosen option of every group."""
        return self.game, self.algorithm, self.communication, self.learner, self.logger

    @property
    def longest_round(self) -> int:
        """The most local updates that a round of this run can last."""
        return min(self.communication.longest_round, self.max_local_steps)

    @property
    def most_rounds_kept(self) -> int:
        """Of how many rounds a seed with a table may ever hold data, at least 1."""
        communication = self.communication
        limits = [self.learner.rounds_kept, communication.max_rounds, self.max_local_steps]
        if communication.max_samples is not None and self.samples_per_round is not None:
            limits.append(communication.max_samples // self.samples_per_round)
        return max(1, min(limit for limit in limits if limit is not None))

    @property
    def exact(self) -> bool:
        """Whether action values are exact, and nothing is sampled."""
        return self.game.policies == "tables" and self.samples_per_round is None
