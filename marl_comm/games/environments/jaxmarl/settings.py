"""Settings of SMAX and of JaxMARL's other environments."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.games.environments.settings import EnvironmentSettings, Pace
from marl_comm.options.answers import RunSettings
from marl_comm.settings import Arguments, Text

if TYPE_CHECKING:
    from marl_comm.games.environments.environments import Environments

_BYTES_OF_JAX = 640 * 2**20
_AGAINST_EACH_OTHER = (
    "MPE_simple_tag_v3",
    "MPE_simple_world_comm_v3",
    "MPE_simple_crypto_v3",
    "MPE_simple_push_v3",
    "MPE_simple_adversary_v3",
    "MPE_simple_facmac_v1",
    "MPE_simple_facmac_3a_v1",
    "MPE_simple_facmac_6a_v1",
    "MPE_simple_facmac_9a_v1",
    "SMAX",
    "storm",
    "storm_2p",
    "storm_np",
    "coin_game",
)


class _JaxSettings(EnvironmentSettings):
    """What they share.

    Attributes:
        arguments: Of the environment's class.
        max_steps: Steps of an episode.
    """

    arguments: Arguments
    max_steps: Annotated[int, Field(ge=1, le=100_000)]

    @property
    def library_bytes(self) -> int:
        """JAX with its compiler, as measured with 3m, and some room."""
        return _BYTES_OF_JAX

    @property
    def pace(self) -> Pace:
        """As measured with simple_spread: compiling takes longest."""
        return Pace(start=8.0, step=1e-3, copy=1e-6)

    @property
    def longest_evaluation(self) -> int:
        """Whole episodes."""
        return self.max_steps


class _SmaxSettings(_JaxSettings):
    """Units of a team against those of a heuristic enemy.

    Attributes:
        scenario: Which units.
        critic_observes: What the central critic sees: all agents' observations, or the state of
            the world, which then travels in the place of final observations.
    """

    scenario: Text
    critic_observes: Literal["joint", "world"]

    @property
    def shows_world(self) -> bool:
        """Where the setting `critic_observes` is world."""
        return self.critic_observes == "world"

    @property
    def pace(self) -> Pace:
        """As measured with 3m and 2s3z."""
        return Pace(start=12.0, step=1e-3, copy=2e-5)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Whether a battle was won."""
        return ("won",)

    def environments(
        self, randoms: Sequence[np.random.Generator], copies: int, device: str
    ) -> "Environments":
        """Return copies of the scenario. See `EnvironmentSettings`."""
        from marl_comm.games.environments.jaxmarl.making import made

        return made(
            f"game={self.name} game.scenario={self.scenario}",
            "HeuristicEnemySMAX",
            self.arguments,
            self.max_steps,
            randoms,
            copies,
            scenario=self.scenario,
            sees_world=self.shows_world,
        )

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """What has a setting of its own is set there."""
        for name in ("max_steps", "scenario"):
            if name in self.arguments:
                yield f"game.arguments.{name}: set game.{name} instead"


@final
class SmaxSettings(_SmaxSettings):
    """Any scenario of SMAX."""

    name: Literal["smax"]


@final
class ThreeMarinesSettings(_SmaxSettings):
    """Three marines against three."""

    name: Literal["smax/3m"]
    scenario: Literal["3m"]


@final
class TwoStalkersSettings(_SmaxSettings):
    """Two stalkers and three zealots against as many."""

    name: Literal["smax/2s3z"]
    scenario: Literal["2s3z"]


@final
class ThreeStalkersSettings(_SmaxSettings):
    """Three stalkers and five zealots against as many."""

    name: Literal["smax/3s5z"]
    scenario: Literal["3s5z"]


@final
class JaxmarlSettings(_JaxSettings):
    """Any other cooperative environment of JaxMARL.

    Attributes:
        environment: Its name in JaxMARL.
    """

    name: Literal["jaxmarl"]
    environment: Text

    def environments(
        self, randoms: Sequence[np.random.Generator], copies: int, device: str
    ) -> "Environments":
        """Return copies of the environment. See `EnvironmentSettings`."""
        from marl_comm.games.environments.jaxmarl.making import made

        return made(
            f"game=jaxmarl game.environment={self.environment}",
            self.environment,
            self.arguments,
            self.max_steps,
            randoms,
            copies,
        )

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """A single team plays, and steps of an episode are set in one place."""
        if self.environment in _AGAINST_EACH_OTHER:
            yield (
                f"game.environment={self.environment}: its agents play against each other; set "
                "game.environment to one in which they are a team, or game=smax"
            )
        if self.environment.endswith("EnemySMAX"):
            yield (
                f"game.environment={self.environment}: SMAX has settings of its own; set game=smax"
            )
        if "max_steps" in self.arguments:
            yield "game.arguments.max_steps: set game.max_steps instead"
