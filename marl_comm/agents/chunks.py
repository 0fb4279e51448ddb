"""What a round of an environment carries: its parts as bytes, and the shared buffer made of them.

Each agent writes its own observations, actions, rewards and whether it acted, and what each stretch
of steps led to, as it saw that. One of them, the first, writes the ends of episodes. All that is
padding does not travel.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from marl_comm.agents.packing import Bytes, Shape, packed, size_of, unpacked
from marl_comm.arrays import AnyArray
from marl_comm.experience.rollouts import Chunk, Rollouts, action_tensor_type
from marl_comm.games.environments.players import Behaviours
from marl_comm.games.environments.spec import Spec

_NUMBERS, _TRUTHS = np.dtype(np.float32), np.dtype(np.bool_)


@dataclass(frozen=True)
class Stage:
    """The sizes of an environment, which agents are told before they play.

    Attributes:
        spec: Who acts, on what, with which choices.
        copies: Of the environment for each seed, E.
        steps: Of a chunk, T.
    """

    spec: Spec
    copies: int
    steps: int

    @classmethod
    def told(cls, plain: dict[str, Any]) -> Self:
        """Return what `plain` has become in a message, in which lists stand for tuples."""

        def tuples(value: Any) -> Any:
            return tuple(map(tuples, value)) if isinstance(value, list) else value

        spec = Spec(**{name: tuples(value) for name, value in plain["spec"].items()})
        return cls(spec, plain["copies"], plain["steps"])

    def plain(self) -> dict[str, Any]:
        """Return it for the message that starts an agent."""
        return asdict(self)

    def seen(self, agent: int, playing: int) -> list[Shape]:
        """Return what an agent hears in a step: what it observes, and whether it acts."""
        size = self.spec.observation_sizes[agent]
        return [
            Shape((playing, self.copies, size), _NUMBERS),
            Shape((playing, self.copies), _TRUTHS),
        ]

    def acted(self, agent: int, playing: int) -> list[Shape]:
        """Return what an agent answers: its action, in numbers or choices."""
        further = (self.spec.numbers_per_action[agent],) if self.spec.action_shape else ()
        kind = _numpy_type(action_tensor_type(self.spec))
        return [Shape((playing, self.copies, *further), kind)]

    def rewards(self, playing: int) -> list[Shape]:
        """Return an agent's rewards of a chunk."""
        return [Shape((playing, self.steps, self.copies), _NUMBERS)]

    def ends(self, playing: int) -> list[Shape]:
        """Return where a chunk's episodes have ended, and where by themselves."""
        return [Shape((playing, self.steps, self.copies), _TRUTHS)] * 2

    def led_to(self, agent: int, stretches: int) -> list[Shape]:
        """Return what so many stretches of steps led to, as an agent saw that."""
        return [Shape((stretches, self.spec.observation_sizes[agent]), _NUMBERS)]

    def written(self, agent: int, playing: int, stretches: int) -> list[Shape]:
        """Return what an agent writes of a chunk; the first one writes its ends, too."""
        in_steps = [
            Shape((playing, self.steps, *each.sizes[1:]), each.type)
            for each in (*self.seen(agent, playing), *self.acted(agent, playing))
        ]
        ends = self.ends(playing) if agent == 0 else []
        return [*in_steps, *self.rewards(playing), *self.led_to(agent, stretches), *ends]


def boundaries(ended: Tensor) -> tuple[Tensor, Tensor, Tensor, int]:
    """Return where stretches of steps are over: row, stretch and copy of each, and the room.

    Args:
        ended: (playing, T, E), bool, whether an episode was over after the step.
    """
    over = ended.clone()
    over[:, -1] = True
    stretch = ended.long().cumsum(dim=1) - ended.long()
    row, step, copy = torch.nonzero(over, as_tuple=True)
    return row, stretch[row, step, copy], copy, int(stretch.max()) + 1


def playing_of(count: Tensor) -> list[Tensor]:
    """Return which rows play each chunk, given how many chunks each row has."""
    return [torch.nonzero(count > position)[:, 0] for position in range(int(count.max()))]


def rollouts_of(
    stage: Stage, behaviours: Behaviours, written: Sequence[Sequence[Sequence[AnyArray]]]
) -> Rollouts:
    """Return the shared buffer, with the log-probabilities that every agent can compute.

    Args:
        stage: The sizes.
        behaviours: Who played.
        written: Of each chunk what each agent has written, as `Stage.written` has it.
    """
    spec = stage.spec
    rollouts = Rollouts.empty(spec, behaviours.count, stage.steps, stage.copies)
    for position, (playing, parts) in enumerate(
        zip(playing_of(behaviours.count), written, strict=True)
    ):
        chunk = _chunk(stage, len(playing), parts)
        for step in range(stage.steps):
            chunk.log_probs[:, :, step] = behaviours.log_prob(
                playing,
                position,
                chunk.observations[:, :, step].contiguous(),
                chunk.legal[:, :, step],
                acting(spec, chunk.actions[:, :, step]),
            )
        rollouts.write(playing, position, chunk)
    return rollouts


def _chunk(stage: Stage, playing: int, parts: Sequence[Sequence[AnyArray]]) -> Chunk:
    """Return one chunk, of what each agent has written."""
    spec, count = stage.spec, torch.ones(playing, dtype=torch.int64)
    ended, terminated = (torch.from_numpy(each) for each in parts[0][-2:])
    row, stretch, copy, room = boundaries(ended)
    empty = Rollouts.empty(spec, count, stage.steps, stage.copies)
    chunk = empty.chunk(torch.zeros(playing, dtype=torch.int64))
    agents, largest = len(spec.agents), spec.largest_observation
    chunk.final_observations = torch.zeros((playing, agents, room, stage.copies, largest))
    chunk.final_world = torch.zeros((playing, 1, room, stage.copies, 0))
    chunk.ended, chunk.terminated = ended, terminated
    for agent, of_agent in enumerate(parts):
        observed, alive, actions, rewards, led_to = map(torch.from_numpy, of_agent[:5])
        size = spec.observation_sizes[agent]
        chunk.observations[:, agent, ..., :size] = observed
        chunk.alive[:, agent] = alive
        chunk.rewards[:, agent] = rewards
        put_actions(spec, agent, chunk.actions[:, agent], actions)
        chunk.final_observations[row, agent, stretch, copy, :size] = led_to
    return chunk


def put_actions(spec: Spec, agent: int, into: Tensor, actions: Tensor) -> None:
    """Write one agent's actions where those of all have room for the largest."""
    if spec.action_shape:
        into[..., : spec.numbers_per_action[agent]] = actions.to(into.dtype)
    else:
        into.copy_(actions)


def acting(spec: Spec, actions: Tensor) -> Tensor:
    """Return actions in the type in which policies give them."""
    return actions.long() if spec.discrete else actions


def actions_of(stage: Stage, agent: int, actions: Tensor) -> Bytes:
    """Return one agent's own actions, (playing, copies, ...), as they travel."""
    (shape,) = stage.acted(agent, len(actions))
    if stage.spec.action_shape:
        actions = actions[..., : stage.spec.numbers_per_action[agent]]
    return packed([actions.numpy().astype(shape.type)])


def split(
    stage: Stage, agent: int, data: Bytes, chunks: Sequence[tuple[int, int]]
) -> list[list[AnyArray]]:
    """Return of each chunk what an agent has written, from its bytes.

    Args:
        stage: The sizes.
        agent: Who has written it.
        data: All of it.
        chunks: Of each chunk the rows that played it, and its stretches.
    """
    found, start = [], 0
    for playing, stretches in chunks:
        shapes = stage.written(agent, playing, stretches)
        size = size_of(shapes)
        found.append(unpacked(data[start : start + size], shapes))
        start += size
    return found


def bytes_written(stage: Stage, agent: int, chunks: Sequence[tuple[int, int]]) -> int:
    """Return how many bytes an agent writes in a round. See `split`."""
    return sum(size_of(stage.written(agent, *chunk)) for chunk in chunks)


def _numpy_type(kind: torch.dtype) -> np.dtype[Any]:
    return torch.empty(0, dtype=kind).numpy().dtype
