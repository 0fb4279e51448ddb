"""Environments in the training loop: play chunks with base policies, evaluate the current ones."""

import logging
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.experience.network_bases import Round
from marl_comm.experience.rollouts import Chunk, Rollouts, at_ends
from marl_comm.games.environments.environments import (
    Environments,
    KeepsEpisodes,
    Situation,
    Step,
)
from marl_comm.games.environments.episodes import Episodes, return_names
from marl_comm.games.environments.infos import info_name
from marl_comm.games.environments.players import Behaviours, Players, PlayersHere, Policies
from marl_comm.games.environments.spec import Spec
from marl_comm.games.game import Evaluation
from marl_comm.randomness import Streams
from marl_comm.rows import Fixed, Rows, Shared, load, loaded, record, saved

_log = logging.getLogger(__name__)


@record
class EnvironmentGame:
    """Copies of an environment for every seed; action noise comes from each seed's own stream.

    Attributes:
        streams: Random streams of the seeds of the run.
        players: Who plays: all agents in this process, until somebody else is put here.
    """

    # Episodes go on from chunk to chunk, and so do their returns. Where environments do not keep
    # episodes under way, new ones begin when they are restored.
    _running: Rows[Tensor]
    _latest: Shared[dict[str, Array]]  # of all seeds; names are added as figures come
    _evaluations: Shared[int]
    streams: Fixed[Streams]
    players: Fixed[Players]
    _environments: Fixed[Environments]
    _evaluation_environments: Fixed[Environments]
    _steps: Fixed[int]
    _evaluation_every: Fixed[int]
    _evaluation_steps: Fixed[int]
    _device: Fixed[torch.device]
    _play: Fixed[list[np.random.Generator]]
    _evaluate: Fixed[list[np.random.Generator]]
    _close_too: Fixed[list[Callable[[], None]]]
    _told_of_unfinished: Fixed[bool]  # said once a process, whatever a checkpoint holds

    def __init__(
        self,
        environments: Environments,
        evaluation_environments: Environments,
        streams: Streams,
        *,
        steps: int,
        evaluation_every: int,
        evaluation_steps: int,
        device: str,
    ) -> None:
        """Wrap environments.

        Args:
            environments: Where data are collected.
            evaluation_environments: Where policies are evaluated, episodes at a time.
            streams: Random streams of the seeds of the run.
            steps: Joint steps of a chunk in each copy.
            evaluation_every: Local updates between evaluations.
            evaluation_steps: Most steps of an evaluation's episodes.
            device: Where networks are.
        """
        self._environments = environments
        self._evaluation_environments = evaluation_environments
        self._steps = steps
        self._evaluation_every = evaluation_every
        self._evaluation_steps = evaluation_steps
        self._device = torch.device(device)
        seeds = streams.seeds
        self.streams = streams
        self.players = PlayersHere()
        self._play = streams.of("collect")
        self._evaluate = streams.of("evaluate")
        self._evaluations = 0
        self._close_too = []
        self._told_of_unfinished = False
        agents = len(environments.spec.agents)
        self._running = torch.zeros((len(seeds), agents, environments.copies))
        self._latest = {
            name: np.full(len(seeds), np.nan) for name in return_names(environments.spec)
        }

    @property
    def spec(self) -> Spec:
        """Who acts, on what, with which choices."""
        return self._environments.spec

    def collect(self, seed_rows: IntArray, behaviours: Behaviours, samples: int | None) -> Round:
        """Play every chunk of the given seeds with its base policy; the plan sets the samples."""
        copies = self._environments.copies
        rollouts = Rollouts.empty(self.spec, behaviours.count, self._steps, copies)
        known = self._latest.keys() - {*return_names(self.spec)}
        episodes = Episodes.going_on(self._running[seed_rows].to(self._device), known)
        for position in range(int(behaviours.count.max())):
            playing = torch.nonzero(behaviours.count > position)[:, 0]
            chunk = self._play_chunk(seed_rows, behaviours, playing, position, episodes)
            rollouts.write(playing, position, chunk)
        self._remember(seed_rows, episodes)
        shared = self.players.share(behaviours, rollouts)
        return Round(behaviours.bases, shared, behaviours.observations_travel)

    def evaluate(self, seed_rows: IntArray, policy: Policies) -> Evaluation:
        """Return the returns of the latest round's episodes and, at intervals, of evaluations."""
        due = self._evaluations % self._evaluation_every == 0
        self._evaluations += 1
        figures = {name: values[seed_rows] for name, values in self._latest.items()}
        for kind in ("greedy", "sampled"):
            unknown = np.full(len(seed_rows), np.nan)
            played = dict.fromkeys(("return", *self.spec.outcomes), unknown)
            if due:
                played = self._play_episodes(seed_rows, policy, sampled=kind == "sampled")
            figures |= {f"evaluation_{kind}_{name}": values for name, values in played.items()}
        return figures

    def play_episodes(self, policy: Policies, *, sampled: bool) -> dict[str, Array]:
        """Return what episodes of every seed's policy come to, (seeds,) each.

        They are means: of `return`, summed over the agents, and of each outcome.
        """
        rows = np.arange(len(self.streams.seeds))
        return self._play_episodes(rows, policy, sampled=sampled)

    def render_episode(self, policy: Policies) -> list[AnyArray]:
        """Return the frames of one greedy episode of the first seed, each (height, width, 3).

        Raises:
            InputError: The environment cannot render.
        """
        environments, rows = self._evaluation_environments, np.arange(1)
        first = policy.first()
        frames = []
        for step in range(self._evaluation_steps):
            situation = environments.situation(rows, afresh=step == 0)
            frames.append(np.array(environments.frame()))  # some draw into the same one again
            actions = first.act(*self._seen(situation), None)
            if bool(environments.step(rows, actions).ended[0, 0]):
                break
        return frames

    def begins_at(self, policy: Policies) -> None:
        """Do nothing: no distances are measured."""

    def restore_experience(self, state: dict[str, Any]) -> Rollouts:
        """Return the chunks that a checkpoint holds."""
        chunks = loaded(Chunk, state["chunks"], self._device)
        return Rollouts(self.spec, chunks, torch.from_numpy(state["count"]).to(self._device))

    def state(self) -> dict[str, Any]:
        """Return all that changes, for a checkpoint; episodes under way where they can be kept."""
        environments = self._environments
        kept = {"episodes": environments.state()} if isinstance(environments, KeepsEpisodes) else {}
        return saved(self) | kept

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint."""
        load(self, {name: value for name, value in state.items() if name != "episodes"})
        if isinstance(self._environments, KeepsEpisodes):
            self._environments.restore(state["episodes"])

    def arrays(self) -> dict[str, AnyArray]:
        """Environments are code, not arrays."""
        return {}

    def beside(self, name: str, build: Callable[[Streams], Self]) -> Self:
        """Return further environments of the same seeds, closed with these.

        Args:
            name: Tells their random streams from these.
            build: Makes them.
        """
        made = build(self.streams.beside(name))
        self._close_too.append(made.close)
        return made

    def close(self) -> None:
        """Close all environments."""
        for close in self._close_too:
            close()
        self._environments.close()
        self._evaluation_environments.close()

    def _seen(self, situation: Situation) -> tuple[Tensor, Tensor]:
        """Return what agents see, and which choices they have."""
        return situation.observations.to(self._device), situation.legal.to(self._device)

    def _play_chunk(
        self,
        seed_rows: IntArray,
        behaviours: Behaviours,
        playing: Tensor,
        position: int,
        episodes: Episodes,
    ) -> Chunk:
        """Return the chunk that the rows `playing` have played."""
        rows = playing.cpu().numpy()
        seeds = seed_rows[rows]
        copies, agents = self._environments.copies, len(self.spec.agents)
        shape = (self._steps, agents, copies)
        noise = torch.stack([behaviours.noise(self._play[seed], shape) for seed in seeds])
        act = self.players.chunk(behaviours, playing, position, noise.to(self._device))
        columns: dict[str, list[Tensor]] = {}
        for step in range(self._steps):
            situation = self._environments.situation(seeds)
            actions, log_probs = act(step, situation)
            outcome = self._environments.step(seeds, actions)
            for name, data in {
                "observations": situation.observations,
                "legal": situation.legal,
                "actions": actions,
                "log_probs": log_probs,
                "rewards": outcome.rewards,
                "alive": situation.alive,
                "ended": outcome.ended,
                "terminated": outcome.terminated,
                "led_to": outcome.observations,
                "world": _world(situation),
                "world_led_to": _world(outcome),
            }.items():
                columns.setdefault(name, []).append(data)
            episodes.count_step(playing, situation.began, outcome)
        joined = {
            name: torch.stack(data, dim=1 if name in ("ended", "terminated") else 2)
            for name, data in columns.items()
        }
        joined = {name: data.to(self._device) for name, data in joined.items()}
        final = at_ends(joined.pop("led_to"), joined["ended"])
        final_world = at_ends(joined.pop("world_led_to"), joined["ended"])
        return Chunk(**joined, final_observations=final, final_world=final_world)

    def _play_episodes(
        self, seed_rows: IntArray, policy: Policies, *, sampled: bool
    ) -> dict[str, Array]:
        """Return means of one episode in each copy, (rows,). See `play_episodes`."""
        environments = self._evaluation_environments
        shape = (len(self.spec.agents), environments.copies)
        returns = torch.zeros((len(seed_rows), environments.copies), device=self._device)
        going_on = torch.ones_like(returns)
        outcomes = {name: torch.full_like(returns, torch.nan) for name in self.spec.outcomes}
        for step in range(self._evaluation_steps):
            situation = environments.situation(seed_rows, afresh=step == 0)
            noise = None
            if sampled:
                draws = [policy.noise(self._evaluate[seed], shape) for seed in seed_rows]
                noise = torch.stack(draws).to(self._device)
            actions = policy.act(*self._seen(situation), noise)
            outcome = environments.step(seed_rows, actions)
            returns += going_on * outcome.rewards.sum(dim=1).to(self._device)
            ended = outcome.ended.to(self._device)
            for name, ends in outcomes.items():
                last = (going_on > 0) & ended
                ends[last] = outcome.info[info_name(name)].to(ends)[last]
            going_on *= (~ended).float()
            if not going_on.any():
                break
        self._tell_of_unfinished(int(going_on.sum()), going_on.numel())
        means = {"return": returns.mean(dim=1)}
        means |= {name: ends.nanmean(dim=1) for name, ends in outcomes.items()}
        return {name: values.double().cpu().numpy() for name, values in means.items()}

    def _tell_of_unfinished(self, unfinished: int, episodes: int) -> None:
        if unfinished > 0 and not self._told_of_unfinished:
            self._told_of_unfinished = True
            _log.warning(
                "%d of %d evaluation episodes were not over after game.evaluation_steps=%d: "
                "their returns are those until then; does the environment end its episodes?",
                unfinished,
                episodes,
                self._evaluation_steps,
            )

    def _remember(self, seed_rows: IntArray, episodes: Episodes) -> None:
        self._running[seed_rows] = episodes.running.cpu()
        figures = episodes.figures(self.spec)
        for name in {**self._latest, **figures}:
            latest = self._latest.setdefault(name, np.full(len(self._play), np.nan))
            latest[seed_rows] = figures.get(name, np.nan)


def _world(stands: Situation | Step) -> Tensor:
    """Return the world's state as of one agent, (rows, 1, copies, size of the world)."""
    if stands.world is not None:
        return stands.world.unsqueeze(1)
    rows, _, copies = stands.observations.shape[:3]
    return stands.observations.new_zeros((rows, 1, copies, 0))
