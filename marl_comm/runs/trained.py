"""Trained policies for loops of one's own: `marl_comm.policies("RUN_DIR")`."""

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.config.loading import load_saved
from marl_comm.errors import DamagedError, InputError
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.storage.arrays import Arrays
from marl_comm.storage.digests import read_summary, refuse_changed
from marl_comm.storage.files import CONFIG, FINAL, SUMMARY

if TYPE_CHECKING:
    from torch.nn import Sequential

    from marl_comm.games.environments.players import Policies
    from marl_comm.games.environments.spec import Spec


@dataclass(frozen=True, eq=False)
class TabularPolicies:
    """The final policies of a run in a tabular game.

    Attributes:
        seeds: Of the run, in the order of the first axis.
        probabilities: (seeds, agents, actions) in one-shot games; in Markov games (seeds, horizon
            or 1, states, agents, actions).
    """

    seeds: tuple[int, ...]
    probabilities: Array

    def act(
        self, generator: np.random.Generator, seed: int, state: int | None = None, step: int = 0
    ) -> IntArray:
        """Draw every agent's action, (agents,).

        Args:
            generator: Draws them, each agent's independently.
            seed: Whose policies.
            state: In Markov games, the state.
            step: In Markov games, the step of the episode.

        Raises:
            InputError: The run has no such seed, or a state is missing or too many.
        """
        chances = self.probabilities[_row(self.seeds, seed)]
        if (state is None) != (chances.ndim == 2):
            raise InputError("act: a state is needed in Markov games, and only there")
        if state is not None:
            chances = chances[min(step, len(chances) - 1), state]
        return np.array([generator.choice(len(each), p=each / each.sum()) for each in chances])


@dataclass(frozen=True, eq=False)
class NetworkPolicies:
    """The final actors of a run in an environment.

    Attributes:
        seeds: Of the run.
        agents: Names, in the order of the run's arrays.
        observation_sizes: How many numbers each agent observes.
    """

    seeds: tuple[int, ...]
    agents: tuple[str, ...]
    observation_sizes: tuple[int, ...]
    _spec: "Spec"
    _policies: "Policies"

    def act(
        self,
        observations: Mapping[str, Any],
        seed: int,
        generator: np.random.Generator | None = None,
        legal: Mapping[str, Any] | None = None,
    ) -> dict[str, AnyArray]:
        """Return each agent's action.

        Args:
            observations: By agent, (numbers,) as the environment gives them, flattened.
            seed: Whose actors.
            generator: Draws actions; without one they are the most likely ones.
            legal: By agent, (choices,) bool, where the environment says which are legal.

        Returns:
            By agent: a choice, counted from 0, (); several choices, (parts,); or numbers,
            (numbers,), of which -1 and 1 are the ends of their range; clip those beyond.

        Raises:
            InputError: The run has no such seed, or an observation is missing or of another size.
        """
        import torch

        from marl_comm.rows import take

        spec = self._spec
        seen = np.zeros((1, len(self.agents), 1, spec.largest_observation), dtype=np.float32)
        for position, (agent, size) in enumerate(
            zip(self.agents, self.observation_sizes, strict=True)
        ):
            numbers = np.asarray(observations.get(agent, ()), dtype=np.float32).ravel()
            if len(numbers) != size:
                raise InputError(f"act: {agent} observes {size} numbers, given are {len(numbers)}")
            seen[0, position, 0, :size] = numbers
        allowed = np.zeros((1, len(self.agents), 1, spec.mask_size), dtype=np.bool_)
        if spec.masked:
            for position, agent in enumerate(self.agents):
                mask = np.asarray((legal or {}).get(agent, ()), dtype=np.bool_).ravel()
                if not mask.any() or len(mask) > spec.mask_size:
                    raise InputError(f"act: {agent} needs a mask of its legal choices")
                allowed[0, position, 0, : len(mask)] = mask
        row = take(self._policies, np.array([_row(self.seeds, seed)]))
        noise = None
        if generator is not None:
            noise = row.noise(generator, (len(self.agents), 1))[None]
        chosen = row.act(torch.from_numpy(seen), torch.from_numpy(allowed), noise).numpy()
        sizes = spec.numbers_per_action
        return {
            agent: chosen[0, position, 0][: sizes[position]]
            if spec.action_shape
            else chosen[0, position, 0]
            for position, agent in enumerate(self.agents)
        }

    def networks(self, seed: int) -> "dict[str, Sequential]":
        """Return each agent's network as a module of torch, which needs nothing of this package.

        It takes what the agent observes, (..., numbers), and returns what its actions are drawn
        by, of all agents alike in size: logits of its choices, (..., most choices), of which those
        beyond the agent's own mean nothing; or (..., 2 x most numbers), means and then what
        standard deviations are made of.

        Args:
            seed: Whose actors.

        Raises:
            InputError: The run has no such seed.
        """
        from marl_comm.rows import take

        row = take(self._policies, np.array([_row(self.seeds, seed)]))
        return dict(zip(self.agents, row.modules(), strict=True))


def policies(directory: str | Path, *, trust: bool = False) -> TabularPolicies | NetworkPolicies:
    """Return the final policies of a finished run.

    Args:
        directory: Of the run.
        trust: Whether to import whatever the run names, whoever made it.

    Raises:
        DamagedError: A file of the run is damaged, or does not belong to the others.
        InputError: There is no finished run, or it would import what no command of this user's has.
    """
    directory = Path(directory)
    if not os.path.lexists(directory / SUMMARY):
        raise InputError(f"{directory}: holds no finished run (no {SUMMARY}); name a run directory")
    config = load_saved(directory / CONFIG)
    seeds = tuple(config.seeds)
    if isinstance(config.game, EnvironmentSettings):
        from marl_comm.runs.playing import load_run

        _, game, networks = load_run(directory, 1, 0, trust=trust)
        with closing(game):
            spec = game.spec
        return NetworkPolicies(seeds, spec.agents, spec.observation_sizes, spec, networks)
    refuse_changed(directory, read_summary(directory), CONFIG, FINAL)
    table = Arrays.of(directory / FINAL)["policy"]
    if len(table) != len(seeds) or table.ndim not in (3, 5):
        raise DamagedError(f"cannot read {directory / FINAL}: its policies fit no run")
    return TabularPolicies(seeds, table)


def _row(seeds: tuple[int, ...], seed: int) -> int:
    if seed not in seeds:
        raise InputError(f"seed {seed}: the run has the seeds {seeds[0]} to {seeds[-1]}")
    return seeds.index(seed)
