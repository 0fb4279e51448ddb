"""Scenarios of VMAS: torch simulates the copies of all seeds as one batch.

VMAS has one random stream per process, which is seeded anew from the first playing seed's stream
whenever all copies start over. So a run is reproducible, but what a seed meets depends on the seeds
that play beside it.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marl_comm.errors import InputError
from marl_comm.games.environments.base import Situation, Step
from marl_comm.games.environments.spec import Spec
from marl_comm.types import AnyArray, IntArray

_LARGEST_SEED = 2**31


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
        """Make one copy, to look at.

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
        self._randoms = randoms
        self._scenario = scenario
        self._settings = {
            "max_steps": max_steps,
            "continuous_actions": continuous_actions,
            "device": device,
            "terminated_truncated": True,
            **arguments,
        }
        self._simulation = self._made(1)
        self._playing: tuple[int, ...] = ()
        self._over = torch.ones((0, copies), dtype=torch.bool)
        self.spec = self._spec(discrete=not continuous_actions)
        if continuous_actions:
            sizes = range(len(self.spec.agents))
            spaces = [self._simulation.action_space[i] for i in sizes]
            self._low = [torch.as_tensor(space.low, device=device) for space in spaces]
            self._high = [torch.as_tensor(space.high, device=device) for space in spaces]

    def situation(self, seed_rows: IntArray, *, afresh: bool = False) -> Situation:
        """Return where the copies of the given seeds stand."""
        playing = tuple(seed_rows.tolist())
        if playing != self._playing:
            self._playing = playing
            self._simulation = self._made(len(playing) * self.copies)
            self._over = torch.ones((len(playing), self.copies), dtype=torch.bool)
        began = torch.ones_like(self._over) if afresh else self._over.clone()
        if began.all():
            self._seed_and_reset(int(seed_rows[0]))
        elif began.any():
            for index in torch.nonzero(began.flatten())[:, 0].tolist():
                self._simulation.reset_at(index, return_observations=False)
        self._over = torch.zeros_like(began)
        if began.any():
            observations = self._simulation.get_from_scenario(
                get_observations=True, get_rewards=False, get_infos=False, get_dones=False
            )[0]
            self._observations = self._joined(observations)
        alive = torch.ones(self._observations.shape[:3], dtype=torch.bool)
        return Situation(self._observations, alive, began)

    def step(self, seed_rows: IntArray, actions: Tensor) -> Step:
        """Play a joint action in every copy of the given seeds."""
        observations, rewards, terminated, truncated, infos = self._simulation.step(
            self._moves(actions)
        )
        shape = (len(seed_rows), self.copies)
        terminated = terminated.view(shape)
        self._over = (terminated | truncated.view(shape)).cpu()
        self._observations = self._joined(observations)
        return Step(
            torch.stack([reward.view(shape) for reward in rewards], dim=1),
            self._over,
            terminated,
            self._observations,
            _means(infos, len(seed_rows)),
        )

    def frame(self) -> AnyArray:
        """Return a picture of the first copy, (height, width, 3), uint8.

        Raises:
            InputError: VMAS cannot render here; it needs OpenGL and a display, if a virtual one.
        """
        try:
            picture = self._simulation.render(mode="rgb_array", env_index=0)
        except Exception as error:  # whatever pyglet raises without a display
            reason = str(error).partition("\n")[0]
            raise InputError(f"--render: VMAS cannot draw on this machine ({reason})") from error
        return np.asarray(picture)

    def _made(self, number: int) -> Any:
        try:
            import vmas
        except ImportError as error:
            raise InputError(
                'game=vmas: VMAS is not installed; pip install "marl_comm[vmas]"'
            ) from error
        try:
            with warnings.catch_warnings():
                # An argument that is not used is a mistake.
                warnings.filterwarnings("error", message="Scenario kwargs")
                return vmas.make_env(self._scenario, number, **self._settings)
        except (
            AssertionError,
            FileNotFoundError,
            ImportError,
            TypeError,
            UserWarning,
            ValueError,
        ) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(
                f"game.scenario={self._scenario}: VMAS refuses it ({reason})"
            ) from error

    def _spec(self, *, discrete: bool) -> Spec:
        from gym.spaces import Box, Discrete

        actions = list(self._simulation.action_space)
        observations = list(self._simulation.observation_space)
        wanted = Discrete if discrete else Box
        if not all(isinstance(space, wanted) for space in actions):
            raise InputError(
                f"game.scenario={self._scenario}: its actions are not all {wanted.__name__}; "
                "set game.continuous_actions to the other value or choose another scenario"
            )
        if not all(isinstance(space, Box) for space in observations):
            raise InputError(f"game.scenario={self._scenario}: its observations are not all Box")
        return Spec(
            agents=tuple(agent.name for agent in self._simulation.agents),
            observation_sizes=tuple(space.shape[0] for space in observations),
            action_sizes=tuple(
                int(space.n) if discrete else int(space.shape[0]) for space in actions
            ),
            discrete=discrete,
        )

    def _seed_and_reset(self, row: int) -> None:
        self._simulation.seed(int(self._randoms[row].integers(_LARGEST_SEED)))
        self._simulation.reset(return_observations=False)

    def _joined(self, observations: Sequence[Tensor]) -> Tensor:
        """Return observations of all agents, (rows, agents, copies, largest observation)."""
        largest = self.spec.largest_observation
        padded = [
            torch.nn.functional.pad(seen, (0, largest - seen.shape[-1])) for seen in observations
        ]
        return torch.stack([seen.view(-1, self.copies, largest) for seen in padded], dim=1)

    def _moves(self, actions: Tensor) -> list[Tensor]:
        """Return each agent's actions as VMAS takes them, (rows * copies, size)."""
        if self.spec.discrete:
            return [actions[:, i].reshape(-1, 1) for i in range(actions.shape[1])]
        moves = []
        for i, size in enumerate(self.spec.action_sizes):
            share = 0.5 * (actions[:, i, :, :size].reshape(-1, size).clamp(-1.0, 1.0) + 1.0)
            moves.append(torch.lerp(self._low[i], self._high[i], share))
        return moves


def _means(infos: Sequence[Mapping[str, Tensor]], rows: int) -> dict[str, Tensor]:
    """Return further figures, (rows,), means over agents and copies."""
    collected: dict[str, list[Tensor]] = {}
    for info in infos:
        for name, figures in info.items():
            if isinstance(figures, Tensor):
                collected.setdefault(name, []).append(figures.double().view(rows, -1).mean(dim=1))
    return {name: torch.stack(means).mean(dim=0) for name, means in collected.items()}
