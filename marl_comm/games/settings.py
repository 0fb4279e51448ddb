"""What all games share whose policies are tables."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from marl_comm.config.memory import available_bytes, gib
from marl_comm.games.game import TabularGame
from marl_comm.options.answers import GameSettings, Policies, RunSettings
from marl_comm.randomness import Streams

_BYTES_PER_NUMBER = 8


class TabularGameSettings(GameSettings):
    """A game whose policies are tables.

    Attributes:
        agents: Number of agents, m.
        actions: Number of actions of each agent, A.
        reward_noise: Standard deviation of Gaussian noise on observed rewards.
    """

    agents: Annotated[int, Field(ge=1, le=1000)]
    actions: Annotated[int, Field(ge=2, le=1000)]
    reward_noise: Annotated[float, Field(ge=0, le=1000)]

    @property
    def policies(self) -> Policies:
        """Tables."""
        return "tables"

    @property
    @abstractmethod
    def own_rewards(self) -> bool:
        """Whether each agent has its own reward, and not all the same."""

    @property
    @abstractmethod
    def shared(self) -> bool:
        """Whether all seeds of a run play the same game: nothing is drawn, or once for all."""

    @property
    @abstractmethod
    def game_seed(self) -> int | None:
        """Draws one game for all seeds of the run; None draws one per seed, where any is drawn."""

    def seeds_of_games(self, seeds: Sequence[int]) -> Sequence[int]:
        """Return what games are drawn from, given the seeds of the run."""
        return seeds if self.game_seed is None else (self.game_seed,)

    @property
    @abstractmethod
    def episode_length(self) -> int:
        """Joint actions of one episode: what is sampled is whole episodes."""

    @property
    @abstractmethod
    def number_of_states(self) -> int:
        """Number of states, S; one-shot games have a single one."""

    @property
    @abstractmethod
    def layers(self) -> int:
        """Number of policies that an agent has for each state, L."""

    @abstractmethod
    def numbers(self, seeds: int) -> int:
        """Return how many numbers of 8 bytes the rules hold for a run of so many seeds."""

    @abstractmethod
    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """Yield a line for each thing that makes no sense in this game. See `Option.problems`."""

    @abstractmethod
    def build(self, run: RunSettings, streams: Streams) -> TabularGame:
        """Return a game for each seed, or one that all share.

        Raises:
            InputError: It is too large, or a class of the user's own refuses to be made.
        """

    def problems(self, run: RunSettings) -> Iterator[str]:
        """What makes no sense in any tabular game, then in this one."""
        if run.samples_per_round is None:
            yield from self._problems_of_exact_mode(run)
        else:
            yield from self._problems_of_samples(run, run.samples_per_round)
        yield from self.own_problems(run)
        yield from self.problems_of_memory(run)

    def memory(self, run: RunSettings) -> int:
        """Return roughly how many bytes the run's arrays take at their peak.

        Counted are the numbers of 8 bytes per sample (joint actions and their indices, rewards,
        densities, weights), per entry of a policy (its base policies and copies), those of the
        game and those of models of rewards; `docs/development.md` compares the sum with
        measurements.
        """
        agents, actions, states = self.agents, self.actions, self.number_of_states
        over_time = self.episode_length > 1
        rounds = run.most_rounds_kept
        # While a round is added to what a seed has, it is there twice.
        numbers_of_samples = (
            (run.samples_per_round or 0)
            * (rounds + (rounds > 1))
            * (
                2 * agents
                + 4 * (agents if self.own_rewards else 1)
                + 8
                + (agents + 8 if over_time else 0)
            )
        )
        bases = run.algorithm.most_bases * rounds
        numbers_of_policies = self.layers * states * agents * actions * (5 * bases + 10)
        # What each agent faces in one step: where every action leads from every state, three times.
        numbers_of_oracles = 3 * states**2 * agents * actions if over_time else 0
        numbers = run.num_seeds * (numbers_of_samples + numbers_of_policies + numbers_of_oracles)
        numbers += self.numbers(run.num_seeds) + run.learner.numbers_of_models(run)
        return numbers * _BYTES_PER_NUMBER

    def problems_of_memory(self, run: RunSettings, further_numbers: int = 0) -> Iterator[str]:
        """Yield a line where the run does not fit into this machine's memory.

        Args:
            run: All its settings.
            further_numbers: Numbers of 8 bytes that the rules hold beside those estimated.
        """
        estimate = self.memory(run) + further_numbers * _BYTES_PER_NUMBER
        available = available_bytes()
        if estimate > available:
            samples = "null" if run.samples_per_round is None else run.samples_per_round
            kept = run.most_rounds_kept > 1
            yield (
                f"num_seeds={run.num_seeds} samples_per_round={samples} "
                f"game.agents={self.agents} game.actions={self.actions}"
                f"{f' with the data of {run.most_rounds_kept} rounds' if kept else ''}: the run "
                f"would need about {gib(estimate)} of memory, this machine allows "
                f"{gib(available)}; lower one of these numbers"
                f"{', learner.reuse or communication.max_rounds' if kept else ''}"
            )

    def _problems_of_exact_mode(self, run: RunSettings) -> Iterator[str]:
        exact = "samples_per_round=null"
        remedy = "set samples_per_round to a number"
        if run.num_seeds > 1 and self.shared and not run.communication.draws:
            seed = getattr(self, "seed", None)
            chosen = f"game={self.name}" if seed is None else f"game.seed={seed}"
            another = "another game" if seed is None else "game.seed=null for a game per seed"
            yield (
                f"{chosen} num_seeds={run.num_seeds} {exact}: nothing differs between the seeds; "
                f"set num_seeds=1, or {another}"
            )
        if self.reward_noise > 0:
            yield (
                f"game.reward_noise={self.reward_noise:g} {exact}: no rewards are observed that "
                f"noise could be added to; {remedy} or game.reward_noise=0"
            )
        if run.communication.max_samples is not None:
            yield (
                f"communication.max_samples={run.communication.max_samples} {exact}: nothing is "
                f"sampled; {remedy} or limit communication.max_rounds instead"
            )

    def _problems_of_samples(self, run: RunSettings, samples_per_round: int) -> Iterator[str]:
        max_samples, length = run.communication.max_samples, self.episode_length
        if max_samples is not None and max_samples < samples_per_round:
            yield (
                f"communication.max_samples={max_samples} samples_per_round={samples_per_round}: "
                "not even one round fits; set communication.max_samples to "
                f"{samples_per_round} or more, or samples_per_round to {max_samples} or less"
            )
        if samples_per_round < length:
            yield (
                f"samples_per_round={samples_per_round} game={self.name}: an episode takes "
                f"{length} joint actions and only whole episodes are played; set samples_per_round "
                f"to {length} or more"
            )
