"""What all environments share, whoever made them."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from marl_comm.arrays import AnyArray
from marl_comm.options.answers import GameSettings, Policies, RunSettings
from marl_comm.randomness import Streams
from marl_comm.settings import Count

if TYPE_CHECKING:  # torch takes seconds to import, which checking a configuration need not wait for
    from marl_comm.games.environments.environments import Environments
    from marl_comm.games.environments.player import EnvironmentGame


@dataclass(frozen=True)
class Pace:
    """How long an environment takes on one core, to tell beforehand what a run costs.

    Attributes:
        start: Seconds until it can be played beyond what Python and torch take: to import its
            library and to compile it.
        step: Seconds of a joint step in all copies of all seeds, however many these are.
        copy: Seconds that each copy adds to it, the choice of actions included.
    """

    start: float
    step: float
    copy: float


class EnvironmentSettings(GameSettings):
    """An environment that networks are trained in.

    Attributes:
        copies: Copies of the environment per seed, played side by side.
        steps: Joint steps of a chunk, the data of a local update, in each copy.
        reward: Whether the team's reward is the mean or the sum of its agents'.
        evaluation_every: Local updates between evaluations.
        evaluation_copies: Episodes of an evaluation, greedy and sampled each.
    """

    copies: Annotated[int, Field(ge=1, le=100_000)]
    steps: Annotated[int, Field(ge=1, le=100_000)]
    reward: Literal["mean", "sum"]
    evaluation_every: Count
    evaluation_copies: Annotated[int, Field(ge=1, le=100_000)]

    @property
    def policies(self) -> Policies:
        """Networks."""
        return "networks"

    @property
    def shows_world(self) -> bool:
        """Whether the central critic is to see the world's state, which few environments have."""
        return False

    @property
    def known_agents(self) -> int | None:
        """How many agents there are, where settings alone tell; only then can they be processes."""
        return None

    @property
    def library_bytes(self) -> int:
        """Bytes of memory that its library takes beyond what Python and torch do."""
        return 0

    @property
    def pace(self) -> Pace:
        """How long it takes; as long as mpe2, which Python plays one copy after the other."""
        return Pace(start=0.0, step=0.0, copy=1.4e-4)

    @property
    @abstractmethod
    def longest_evaluation(self) -> int:
        """The most steps of an evaluation's episodes."""

    @abstractmethod
    def environments(
        self, randoms: Sequence[np.random.Generator], copies: int, device: str
    ) -> "Environments":
        """Return copies of the environment for each of the streams.

        Args:
            randoms: One for each seed.
            copies: For each seed.
            device: Where it computes, if it computes with torch.

        Raises:
            InputError: What it needs is not installed, or it refuses its arguments.
        """

    def ready(self, run: RunSettings) -> None:
        """Try the environment once: whoever wrote it may refuse.

        Raises:
            InputError: It cannot be made or played, or is not supported.
        """
        self.environments([], 1, "cpu").close()

    def picture(self) -> AnyArray:
        """Return a picture of an episode's start, as the environment draws it.

        Raises:
            InputError: It cannot be made, or cannot draw here.
        """
        environments = self.environments(Streams([0]).of("environment"), 1, "cpu")
        try:
            environments.situation(np.arange(1), afresh=True)
            return environments.frame()
        finally:
            environments.close()

    @abstractmethod
    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """Yield a line for each thing that makes no sense here. See `Option.problems`."""

    def problems(self, run: RunSettings) -> Iterator[str]:
        """What makes no sense in any environment, then in this one."""
        if run.samples_per_round is not None:
            yield (
                f"samples_per_round={run.samples_per_round} game={self.name}: a round of an "
                "environment has game.copies x game.steps joint steps for each of its local "
                "updates; set these, and samples_per_round=null"
            )
        if run.communication.max_samples is not None:
            yield (
                f"communication.max_samples={run.communication.max_samples} "
                f"game={self.name}: how many samples a round has is known only once it is "
                "planned; cap communication.max_rounds or max_local_steps instead"
            )
        if self.evaluation_every % run.metrics.every != 0:
            yield (
                f"game.evaluation_every={self.evaluation_every} "
                f"metrics.every={run.metrics.every}: evaluations would fall between logged points; "
                "game.evaluation_every must be a multiple of metrics.every"
            )
        yield from self.own_problems(run)

    def build(self, streams: Streams, device: str) -> "EnvironmentGame":
        """Return the environments of every seed, to play in and to evaluate in.

        Raises:
            InputError: As `environments` does.
        """
        # Imported late: torch takes seconds, which tabular games need not wait for.
        from marl_comm.games.environments.player import EnvironmentGame

        playing, evaluating = streams.of("environment"), streams.of("evaluation_environment")
        environments = self.environments(playing, self.copies, device)
        try:
            evaluation_environments = self.environments(evaluating, self.evaluation_copies, device)
        except BaseException:
            environments.close()
            raise
        return EnvironmentGame(
            environments,
            evaluation_environments,
            streams,
            steps=self.steps,
            evaluation_every=self.evaluation_every,
            evaluation_steps=self.longest_evaluation,
            device=device,
        )
