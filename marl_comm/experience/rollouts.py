"""What a round of an environment leaves in the shared buffer: chunks of joint steps."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from marl_comm.experience.base import Traffic
from marl_comm.games.environments.spec import Spec


@dataclass
class Chunk:
    """The joint steps that one base policy of each row has played: T steps in E copies.

    Attributes:
        observations: (rows, agents, T, E, largest observation), float32.
        actions: (rows, agents, T, E), or (..., largest action) where actions are numbers.
        log_probs: (rows, agents, T, E), of the actions under the policy that played.
        rewards: (rows, agents, T, E), each agent's own.
        alive: (rows, agents, T, E), bool, whether an agent acted.
        ended: (rows, T, E), bool, whether the episode was over after the step.
        last_observations: (rows, agents, E, largest observation), after the last step.
    """

    observations: Tensor
    actions: Tensor
    log_probs: Tensor
    rewards: Tensor
    alive: Tensor
    ended: Tensor
    last_observations: Tensor


class Rollouts:
    """The chunks of each row's latest round.

    All tensors of `chunks` are those of `Chunk` with an axis for the chunks after that of the rows.
    Log-probabilities are stored but do not travel: every agent knows the policies that played.

    Attributes:
        chunks: The data; rows with fewer chunks leave the rest empty.
        count: (rows,), int64, chunks of each row.
    """

    def __init__(self, spec: Spec, chunks: Chunk, count: Tensor) -> None:
        """Take over the data."""
        self._spec = spec
        self.chunks = chunks
        self.count = count

    @classmethod
    def empty(cls, spec: Spec, count: Tensor, steps: int, copies: int) -> Self:
        """Return room for `count` chunks of each row, of `steps` joint steps in `copies` copies."""
        device = count.device
        shape = (len(count), int(count.max()), len(spec.agents), steps, copies)
        seen = (*shape[:3], copies, spec.largest_observation)
        action_shape = shape if spec.discrete else (*shape, spec.largest_action)
        small = spec.largest_action <= 256
        action_type = (torch.uint8 if small else torch.int16) if spec.discrete else torch.float32
        chunks = Chunk(
            observations=torch.zeros((*shape, spec.largest_observation), device=device),
            actions=torch.zeros(action_shape, dtype=action_type, device=device),
            log_probs=torch.zeros(shape, device=device),
            rewards=torch.zeros(shape, device=device),
            alive=torch.ones(shape, dtype=torch.bool, device=device),
            ended=torch.zeros((*shape[:2], steps, copies), dtype=torch.bool, device=device),
            last_observations=torch.zeros(seen, device=device),
        )
        return cls(spec, chunks, count)

    @property
    def traffic(self) -> Traffic:
        """What the round moved, per row: bytes of the types stored here, padding left out.

        Every agent writes its own observations, actions, rewards and whether it acted; the ends
        of episodes are written once. Each reads what it has not written.
        """
        steps, copies = self.chunks.rewards.shape[3:]
        observed = sum(self._spec.observation_sizes) * self.chunks.observations.element_size()
        acted = len(self._spec.agents) if self._spec.discrete else sum(self._spec.action_sizes)
        per_step = observed + acted * self.chunks.actions.element_size()
        per_step += len(self._spec.agents) * (
            self.chunks.rewards.element_size() + self.chunks.alive.element_size()
        )
        ends = steps * copies * self.chunks.ended.element_size()
        written = steps * copies * per_step + copies * observed + ends
        count = self.count.cpu().numpy()
        return Traffic(
            samples=count * (steps * copies),
            bytes_up=count * written,
            bytes_down=count * written * (len(self._spec.agents) - 1),
        )

    def chunk(self, position: Tensor) -> Chunk:
        """Return the chunk at each row's position, (rows,)."""
        rows = torch.arange(len(position), device=position.device)
        return Chunk(**{name: data[rows, position] for name, data in vars(self.chunks).items()})

    def write(self, rows: Tensor, position: int, chunk: Chunk) -> None:
        """Store a chunk of some rows."""
        for name, data in vars(self.chunks).items():
            data[rows, position] = getattr(chunk, name).to(data.dtype)

    def keep(self, rows: Tensor) -> Self:
        """Return a copy of the given rows."""
        kept = Chunk(**{name: data[rows] for name, data in vars(self.chunks).items()})
        return type(self)(self._spec, kept, self.count[rows])

    def replace(self, rows: Tensor, other: Self) -> None:
        """Overwrite the given rows by the rows of `other`, making room where it has more chunks."""
        here, there = self.chunks.rewards.shape[1], other.chunks.rewards.shape[1]
        for name, data in vars(self.chunks).items():
            if there > here:
                room = data.new_zeros((len(data), there - here, *data.shape[2:]))
                data = torch.cat([data, room], dim=1)
                setattr(self.chunks, name, data)
            data[rows, :there] = getattr(other.chunks, name)
        self.count[rows] = other.count
