"""Settings of multi-agent PPO."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, Self, final

from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.learners.mappo.hyperparameters import Hyperparameters
from marl_comm.learners.settings import NetworkLearnerSettings
from marl_comm.options.answers import RunSettings

if TYPE_CHECKING:  # torch takes seconds to import, which checking a configuration need not wait for
    from marl_comm.algorithms.networks import NetworkAlgorithm
    from marl_comm.games.environments.player import EnvironmentGame
    from marl_comm.games.environments.spec import Spec
    from marl_comm.learners.networks import LearnerOfNetworks

_log = logging.getLogger(__name__)


@final
class MappoSettings(Hyperparameters, NetworkLearnerSettings):
    """Multi-agent PPO with a central critic. See `Hyperparameters` for its keys."""

    name: Literal["mappo"]

    @property
    def networks_on(self) -> Literal["cpu", "cuda"]:
        """The setting `device`."""
        return self.device

    def on_cpu(self) -> Self:
        """Return the same settings, with `device` cpu."""
        return self.model_copy(update={"device": "cpu"})

    @property
    def begins_with(self) -> tuple[str, ...]:
        """The networks, and the units that critics count in; optimisers are new."""
        return "actor", "critic", "return_moments"

    @property
    def shape(self) -> dict[str, object]:
        """The settings that networks are made by."""
        keys = ("actors", "critic", "hidden", "activation")
        return {f"learner.{key}": getattr(self, key) for key in keys}

    @property
    def passes(self) -> int:
        """The setting `epochs`."""
        return self.epochs

    def problems(self, run: RunSettings) -> Iterator[str]:
        """Every minibatch needs data; earlier rounds need a local update that draws on them."""
        if self.rounds > 1 and self.chunks == "own":
            yield (
                f"learner.reuse={self.reuse} learner.chunks=own: a local update that takes one "
                "chunk of the latest round has no use for earlier ones; set learner.chunks=all"
            )
        if self.rounds > 1 and run.algorithm.one_large_update:
            yield (
                f"learner.reuse={self.reuse} algorithm={run.algorithm.name}: its large update is "
                "of one round's data; set learner.reuse=latest"
            )
        if not isinstance(run.game, EnvironmentSettings):
            return
        if self.critic == "own" and run.game.shows_world:
            yield (
                "learner.critic=own game.critic_observes=world: each agent's own critic sees what "
                "the agent sees; set learner.critic=central or game.critic_observes=joint"
            )
        samples = run.game.copies * run.game.steps
        if self.minibatches > samples:
            yield (
                f"learner.minibatches={self.minibatches} game.copies={run.game.copies} "
                f"game.steps={run.game.steps}: every minibatch needs a joint step; "
                f"learner.minibatches must be at most {samples}"
            )

    def refuse_too_large_runs(self, run: RunSettings, spec: "Spec", gpu_bytes: int | None) -> None:
        """Estimate the run's memory. See `NetworkLearnerSettings`."""
        from marl_comm.learners.mappo import memory

        memory.refuse_too_large_runs(run, spec, gpu_bytes)

    def build(
        self, run: RunSettings, game: "EnvironmentGame", algorithm: "NetworkAlgorithm"
    ) -> "LearnerOfNetworks":
        """Return the learner with newly drawn networks."""
        from marl_comm.learners.mappo.learner import Mappo
        from marl_comm.learners.mappo.predictor import predictor_named

        assert isinstance(run.game, EnvironmentSettings)
        self._tell_of_an_early_end(run)
        predictor = None if algorithm.predictor is None else predictor_named(algorithm.predictor)
        if predictor is not None and predictor.asks_the_game:
            few = run.game.model_copy(update={"evaluation_copies": 1})  # nothing is evaluated there
            further = game.beside("practice", lambda streams: few.build(streams, self.device))
            predictor.practise_in(further)
        return Mappo(
            game.spec,
            game.streams,
            self,
            team_reward=run.game.reward,
            importance_weighted=algorithm.reweighs,
            one_large_update=run.algorithm.one_large_update,
            observations_travel=self.observations_travel(run),
            total_updates=run.max_local_steps,
            longest_round=run.longest_round,
            predictor=predictor,
        )

    def observations_travel(self, run: RunSettings) -> bool:
        """Whether anything an agent does depends on what others have seen or done.

        Effective sample sizes, which schedules ask for, and calibrations are those of all agents.
        """
        asked_for = run.communication.ends_by_itself and not run.communication.draws
        return not self.decentralised or asked_for or run.algorithm.predicts

    def _tell_of_an_early_end(self, run: RunSettings) -> None:
        """Warn where the rounds cannot last until learning rates have fallen."""
        communication, rounds = run.communication, run.communication.max_rounds
        if rounds is None or not self.learning_rate_decay:
            return
        short = min(rounds, communication.first_rounds or 0)
        updates = short + (rounds - short) * run.longest_round
        if updates < run.max_local_steps:
            _log.warning(
                "communication.max_rounds=%d ends every seed after %s%d of max_local_steps=%d "
                "local updates, before learner.learning_rate_decay has done its work; set "
                "communication.max_rounds=null or max_local_steps=%d",
                rounds,
                "at most " if communication.ends_by_itself else "",
                updates,
                run.max_local_steps,
                updates,
            )
