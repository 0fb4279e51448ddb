"""Scenarios of VMAS: torch simulates the copies of all seeds as one batch."""

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marl_comm.arrays import AnyArray, BoolArray, IntArray
from marl_comm.errors import InputError
from marl_comm.games.environments.environments import Situation, Step, nothing_masked
from marl_comm.games.environments.foreign import refused
from marl_comm.games.environments.infos import info_name
from marl_comm.games.environments.observations import MASK
from marl_comm.games.environments.spec import Spec
from marl_comm.games.environments.vmas.simulations import Simulations
from marl_comm.games.environments.vmas.state import copies_share_draws, steps_draw, told
from marl_comm.options.extras import install_line

_OWN = (
    "scenario",
    "num_envs",
    "device",
    "wrapper",
    "seed",
    "dict_spaces",
    "multidiscrete_actions",
    "grad_enabled",
    "terminated_truncated",
    "wrapper_kwargs",
)
_TRIAL_COPIES = 7  # unlikely to be the size of anything else


class VectorisedEnvironments:
    """Copies of a VMAS scenario for each seed.

    Where other seeds play together than the last time, all of them begin new episodes.

    Attributes:
        spec: Who acts, on what, with which choices.
        copies: Per seed.
    """

    def __init__(
        self,
        scenario: str,
        arguments: Mapping[str, Any],
        randoms: Sequence[np.random.Generator],
        copies: int,
        *,
        max_steps: int,
        continuous_actions: bool,
        device: str,
    ) -> None:
        """Try a few copies: who sees what, and what the scenario draws when.

        Args:
            scenario: The name of one of VMAS's scenarios.
            arguments: Of the scenario.
            randoms: Each seed's stream.
            copies: Per seed.
            max_steps: Steps of an episode.
            continuous_actions: Whether actions are numbers rather than choices.
            device: Where the simulation runs.

        Raises:
            InputError: VMAS is not installed, has no such scenario, or the scenario's spaces are
                not supported.
        """
        self.copies = copies
        self._scenario, self._where = scenario, f"game.scenario={scenario}"
        _refuse_own_settings(arguments)
        self._settings = {
            "max_steps": max_steps,
            "continuous_actions": continuous_actions,
            "terminated_truncated": True,
        }
        self._arguments = arguments
        trial = self._made(_TRIAL_COPIES, "cpu")
        self._over = np.ones((0, copies), dtype=np.bool_)
        self.spec = self._spec(trial, discrete=not continuous_actions)
        try:
            together = not steps_draw(trial) and not copies_share_draws(trial)
            masked = any(MASK in info for info in told(trial))
        except BaseException as error:
            raise refused(self._where, "trying it out", error) from error

        if masked and continuous_actions:
            raise InputError(
                f"{self._where}: its infos have {MASK}, which is about choices; set "
                "game.continuous_actions=false"
            )
        self.spec = replace(self.spec, masked=masked)

        def make(number: int) -> Any:
            trial.seed(0)  # A scenario may draw the world itself: one for all.
            return self._made(number, device)

        self._simulations = Simulations(
            make,
            randoms,
            copies,
            together=together,
            device=device,
        )
        if continuous_actions:
            spaces = [trial.action_space[i] for i in range(len(self.spec.agents))]
            self._low = [torch.as_tensor(space.low, device=device) for space in spaces]
            self._high = [torch.as_tensor(space.high, device=device) for space in spaces]

    def situation(self, seed_rows: IntArray, *, afresh: bool = False) -> Situation:
        """Return where the copies of the given seeds stand."""
        try:
            return self._situation(seed_rows, afresh=afresh)
        except BaseException as error:
            raise refused(self._where, "its reset", error) from error

    def _situation(self, seed_rows: IntArray, *, afresh: bool) -> Situation:
        if self._simulations.choose(tuple(seed_rows.tolist())):
            self._over = np.ones((len(seed_rows), self.copies), dtype=np.bool_)
        began = np.ones_like(self._over) if afresh else self._over
        self._over = np.zeros_like(began)
        if began.any():
            self._simulations.begin(began)
            fresh: BoolArray = np.any(began, axis=1)
            seen = self._joined(self._simulations.observations(fresh))
            legal = nothing_masked(seen[..., 0])
            if self.spec.masked:
                legal = self._masks(self._simulations.infos(fresh))
            if fresh.all():
                self._observations, self._legal = seen, legal
            else:
                self._observations, self._legal = self._observations.clone(), self._legal.clone()
                self._observations[torch.from_numpy(fresh)] = seen
                self._legal[torch.from_numpy(fresh)] = legal
        alive = torch.ones(self._observations.shape[:3], dtype=torch.bool)
        return Situation(self._observations, alive, torch.from_numpy(began), self._legal)

    def step(self, seed_rows: IntArray, actions: Tensor) -> Step:
        """Play a joint action in every copy of the given seeds."""
        moves = self._moves(actions)
        try:
            outcome = self._simulations.step(moves)
        except BaseException as error:
            raise refused(self._where, "its step", error) from error
        observations, rewards, terminated, truncated, infos = outcome
        shape = (len(seed_rows), self.copies)
        terminated = terminated.view(shape)
        ended = terminated | truncated.view(shape)
        self._over = ended.cpu().numpy()
        self._observations = self._joined(observations)
        if self.spec.masked:
            self._legal = self._masks(infos)
        return Step(
            torch.stack([reward.view(shape) for reward in rewards], dim=1),
            ended,
            terminated,
            self._observations,
            _figures(infos, shape),
        )

    def frame(self) -> AnyArray:
        """Return a picture of the first copy, (height, width, 3), uint8.

        Raises:
            InputError: VMAS cannot render here; it needs OpenGL and a display, if a virtual one.
        """
        try:
            picture = self._simulations.picture()
        except Exception as error:  # whatever pyglet raises without a display
            reason = str(error).partition("\n")[0]
            raise InputError(f"VMAS cannot draw on this machine ({reason})") from error
        return np.asarray(picture)

    def close(self) -> None:
        """Drop the simulations, and the windows that they were drawn in."""
        self._simulations.close()

    def _made(self, number: int, device: str) -> Any:
        try:
            import vmas
        except ImportError as error:
            line = install_line("vmas", "vmas")
            raise InputError(f"game=vmas: VMAS is not installed; {line}") from error
        try:
            with warnings.catch_warnings():
                # An argument that is not used is a mistake.
                warnings.filterwarnings("error", message="Scenario kwargs")
                # Each has arguments of its own: what it does to lists in them is its affair.
                arguments = copy.deepcopy(dict(self._arguments))
                return vmas.make_env(
                    self._scenario, number, device=device, **self._settings, **arguments
                )
        except BaseException as error:
            raise refused(self._where, "VMAS, making it,", error) from error

    def _spec(self, simulation: Any, *, discrete: bool) -> Spec:
        from gym.spaces import Box, Discrete

        actions = list(simulation.action_space)
        observations = list(simulation.observation_space)
        wanted = Discrete if discrete else Box
        if not all(isinstance(space, wanted) for space in actions):
            raise InputError(
                f"game.scenario={self._scenario}: its actions are not all {wanted.__name__}; "
                "set game.continuous_actions to the other value or choose another scenario"
            )
        if not all(isinstance(space, Box) for space in observations):
            raise InputError(f"game.scenario={self._scenario}: its observations are not all Box")
        return Spec(
            agents=tuple(agent.name for agent in simulation.agents),
            observation_sizes=tuple(space.shape[0] for space in observations),
            action_sizes=tuple(
                int(space.n) if discrete else int(space.shape[0]) for space in actions
            ),
            discrete=discrete,
        )

    def _joined(self, observations: Sequence[Tensor]) -> Tensor:
        """Return observations of all agents, (rows, agents, copies, largest observation)."""
        largest = self.spec.largest_observation
        padded = [
            torch.nn.functional.pad(seen, (0, largest - seen.shape[-1]))
            if seen.shape[-1] < largest
            else seen
            for seen in observations
        ]
        return torch.stack([seen.view(-1, self.copies, largest) for seen in padded], dim=1)

    def _masks(self, infos: Sequence[Mapping[str, Tensor]]) -> Tensor:
        """Return which choices agents have, (rows, agents, copies, most choices)."""
        masks = []
        for name, size, info in zip(self.spec.agents, self.spec.action_sizes, infos, strict=True):
            mask = info.get(MASK)
            if mask is None or mask.ndim != 2 or mask.shape[1] != size:
                given = "none" if mask is None else f"one of shape {tuple(mask.shape)}"
                raise InputError(
                    f"{self._where}: {name} has as {MASK} {given}, must be (copies, {size})"
                )
            legal = mask.bool()
            if not bool(legal.any(dim=1).all()):
                raise InputError(f"{self._where}: {name} has an {MASK} that leaves it no choice")
            padded = torch.nn.functional.pad(legal, (0, self.spec.largest_action - size))
            masks.append(padded.unflatten(0, (-1, self.copies)))
        return torch.stack(masks, dim=1)

    def _moves(self, actions: Tensor) -> list[Tensor]:
        """Return each agent's actions as VMAS takes them, (rows * copies, size)."""
        if self.spec.discrete:
            return [actions[:, i].reshape(-1, 1) for i in range(actions.shape[1])]
        moves = []
        for i, size in enumerate(self.spec.action_sizes):
            share = 0.5 * (actions[:, i, :, :size].reshape(-1, size).clamp(-1.0, 1.0) + 1.0)
            moves.append(torch.lerp(self._low[i], self._high[i], share))
        return moves


def _refuse_own_settings(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments of VMAS's that are set elsewhere, or that seeds' independence rests on."""
    for name in arguments:
        if name in ("max_steps", "continuous_actions"):
            raise InputError(f"game.arguments.{name}: set game.{name} instead")
        if name in _OWN:
            raise InputError(
                f"game.arguments.{name}: is marl_comm's to set; allowed are the scenario's own "
                "arguments, and clamp_actions"
            )


def _figures(infos: Sequence[Mapping[str, Tensor]], shape: tuple[int, int]) -> dict[str, Tensor]:
    """Return what agents' infos hold, (rows, copies), means over the agents."""
    given: dict[str, list[Tensor]] = {}
    for info in infos:
        for name, figures in info.items():
            if (
                name != MASK
                and isinstance(figures, Tensor)
                and figures.shape[:1] == (shape[0] * shape[1],)
            ):
                given.setdefault(info_name(name), []).append(figures.double().view(*shape, -1))
    return {name: torch.cat(figures, dim=-1).mean(dim=-1) for name, figures in given.items()}
