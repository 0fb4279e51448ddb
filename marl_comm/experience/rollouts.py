"""What a round of an environment leaves in the shared buffer: chunks of joint steps."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from marl_comm.experience.experience import Traffic
from marl_comm.games.environments.spec import Spec
from marl_comm.rows import Chosen, Fixed, Rows, index_of, record

FINAL = ("final_observations", "final_world")
"""Tensors of `Chunk` that are not of every step, but of every stretch."""

# Signed beyond a byte: torch computes with few of the unsigned types.
_CHOICES = (torch.uint8, torch.int16, torch.int32)


@record
@dataclass
class Chunk:
    """The joint steps that one base policy of each row has played: T steps in E copies.

    Attributes:
        observations: (rows, agents, T, E, largest observation), float32.
        legal: (rows, agents, T, E, size of a mask), bool, which choices agents had; of size 0 where
            nothing is masked.
        actions: (rows, agents, T, E), or (..., parts) where an action is several choices, or
            (..., largest action) where it is numbers.
        log_probs: (rows, agents, T, E), of the actions under the policy that played.
        rewards: (rows, agents, T, E), each agent's own.
        alive: (rows, agents, T, E), bool, whether an agent acted.
        ended: (rows, T, E), bool, whether the episode was over after the step.
        terminated: (rows, T, E), bool, whether it ended by itself, not by a limit on its steps.
        final_observations: (rows, agents, K, E, largest observation), what each stretch of steps
            led to: the k-th up to the k-th end of an episode, the last up to the chunk's end.
        world: (rows, 1, T, E, size of the world), float32, the world's state; of size 0 where the
            critic sees observations.
        final_world: (rows, 1, K, E, size of the world), what each stretch of steps led to.
    """

    observations: Rows[Tensor]
    legal: Rows[Tensor]
    actions: Rows[Tensor]
    log_probs: Rows[Tensor]
    rewards: Rows[Tensor]
    alive: Rows[Tensor]
    ended: Rows[Tensor]
    terminated: Rows[Tensor]
    final_observations: Rows[Tensor]
    world: Rows[Tensor]
    final_world: Rows[Tensor]

    @property
    def stretch(self) -> Tensor:
        """(rows, T, E), in which stretch of its copy a step is."""
        return self.ended.long().cumsum(dim=1) - self.ended.long()


@record
class Rollouts:
    """The chunks of each row's latest round.

    All tensors of `chunks` are those of `Chunk` with an axis for the chunks after that of the rows.
    Log-probabilities are stored but do not travel: every agent knows the policies that played.

    Attributes:
        chunks: The data; rows with fewer chunks leave the rest empty.
        count: (rows,), int64, chunks of each row.
    """

    chunks: Rows[Chunk]
    count: Rows[Tensor]
    _spec: Fixed[Spec]

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
        seen = (*shape[:3], 1, copies, spec.largest_observation)
        world = (*shape[:2], 1, steps, copies, spec.world_size)
        ends = torch.zeros((*shape[:2], steps, copies), dtype=torch.bool, device=device)
        chunks = Chunk(
            observations=torch.zeros((*shape, spec.largest_observation), device=device),
            legal=torch.ones((*shape, spec.mask_size), dtype=torch.bool, device=device),
            actions=torch.zeros(
                (*shape, *spec.action_shape), dtype=action_tensor_type(spec), device=device
            ),
            log_probs=torch.zeros(shape, device=device),
            rewards=torch.zeros(shape, device=device),
            alive=torch.ones(shape, dtype=torch.bool, device=device),
            ended=ends,
            terminated=ends.clone(),
            final_observations=torch.zeros(seen, device=device),
            world=torch.zeros(world, device=device),
            final_world=torch.zeros((*world[:3], 1, *world[4:]), device=device),
        )
        return cls(spec, chunks, count)

    def of_same_kind(self, chunks: Chunk, count: Tensor) -> Self:
        """Return other chunks of the same environment."""
        return type(self)(self._spec, chunks, count)

    @property
    def traffic(self) -> Traffic:
        """What the round moved, per row: bytes of the types stored here, padding left out.

        Every agent writes its own observations, masks, actions, rewards and whether it acted; the
        ends of episodes, and whether they came by themselves, are written once. Each reads what it
        has not written. Where the critic sees the world's state, that travels, too, and in the
        place of final observations: one agent writes it, the others read it.
        """
        steps, copies = self.chunks.rewards.shape[3:]
        observed = sum(self._spec.observation_sizes) * self.chunks.observations.element_size()
        acted = sum(self._spec.numbers_per_action)
        per_step = observed + acted * self.chunks.actions.element_size()
        if self._spec.masked:
            per_step += sum(self._spec.action_sizes) * self.chunks.legal.element_size()
        per_step += len(self._spec.agents) * (
            self.chunks.rewards.element_size() + self.chunks.alive.element_size()
        )
        per_step += self.chunks.ended.element_size() + self.chunks.terminated.element_size()
        world = self._spec.world_size * self.chunks.world.element_size()
        samples = self.count * (steps * copies)
        written = samples * (per_step + world) + self._stretches() * (world or observed)
        return self._moved(samples, written)

    @property
    def rewards_moved(self) -> Traffic:
        """What the round moved, per row, where agents need of each other the rewards alone.

        Ends of episodes come with them.
        """
        steps, copies = self.chunks.rewards.shape[3:]
        per_step = len(self._spec.agents) * self.chunks.rewards.element_size()
        per_step += self.chunks.ended.element_size() + self.chunks.terminated.element_size()
        samples = self.count * (steps * copies)
        return self._moved(samples, samples * per_step)

    def _moved(self, samples: Tensor, written: Tensor) -> Traffic:
        return Traffic(
            samples=samples.cpu().numpy(),
            bytes_up=written.cpu().numpy(),
            bytes_down=(written * (len(self._spec.agents) - 1)).cpu().numpy(),
        )

    def _stretches(self) -> Tensor:
        """Return how many final observations of each agent, or of the world, there are, (rows,)."""
        ended = self.chunks.ended
        used = torch.arange(ended.shape[1], device=ended.device) < self.count.unsqueeze(1)
        each = ended.sum(dim=2) + (~ended[:, :, -1]).long()
        return (each.sum(dim=2) * used).sum(dim=1)

    def chunk(self, position: Tensor) -> Chunk:
        """Return the chunk at each row's position, (rows,)."""
        rows = torch.arange(len(position), device=position.device)
        return Chunk(**{name: data[rows, position] for name, data in vars(self.chunks).items()})

    def side_by_side(self, positions: Tensor) -> Chunk:
        """Return several chunks of each row as one, whose copies are those of all.

        Args:
            positions: (rows, n), which chunks.
        """
        rows = torch.arange(len(positions), device=positions.device).unsqueeze(1)
        return joined(
            Chunk(**{name: data[rows, positions] for name, data in vars(self.chunks).items()})
        )

    def write(self, rows: Tensor, position: int, chunk: Chunk) -> None:
        """Store a chunk of some rows."""
        self._make_room(self.chunks.rewards.shape[1], chunk.final_observations.shape[2])
        for name, data in vars(self.chunks).items():
            new = getattr(chunk, name).to(data.dtype)
            if name in FINAL:
                data[rows, position, :, : new.shape[2]] = new
            else:
                data[rows, position] = new

    def put_rows(self, rows: Chosen, other: Self) -> None:
        """Overwrite the given rows by the rows of `other`, making room where it has more chunks."""
        rows = index_of(self.count, rows)
        chunks, stretches = other.chunks.rewards.shape[1], other.chunks.final_observations.shape[3]
        self._make_room(chunks, stretches)
        for name, data in vars(self.chunks).items():
            new = getattr(other.chunks, name)
            if name in FINAL:
                data[rows, :chunks, :, :stretches] = new
            else:
                data[rows, :chunks] = new
        self.count[rows] = other.count

    def _make_room(self, chunks: int, stretches: int) -> None:
        """Grow to at least so many chunks, and stretches in each."""
        for name, data in vars(self.chunks).items():
            data = padded(data, 1, chunks)
            if name in FINAL:
                data = padded(data, 3, stretches)
            setattr(self.chunks, name, data)


def padded(data: Tensor, axis: int, size: int) -> Tensor:
    """Return data with zeros behind them along an axis, up to a size."""
    missing = size - data.shape[axis]
    if missing <= 0:
        return data
    shape = [*data.shape[:axis], missing, *data.shape[axis + 1 :]]
    return torch.cat([data, data.new_zeros(shape)], dim=axis)


def joined(chunks: Chunk) -> Chunk:
    """Return chunks, with an axis for them after that of the rows, as one with all their copies."""
    wide = {}
    for name, data in vars(chunks).items():
        copies = 3 if name in ("ended", "terminated") else 4
        wide[name] = data.movedim(1, copies - 1).flatten(copies - 1, copies)
    return Chunk(**wide)


def at_ends(led_to: Tensor, ended: Tensor) -> Tensor:
    """Pick what each stretch of steps led to; its room is that of the copy with most stretches.

    Args:
        led_to: (rows, agents, T, E, size), what every step led to.
        ended: (rows, T, E), bool, whether an episode was over after the step.

    Returns:
        (rows, agents, K, E, size); zeros where a copy has fewer stretches.
    """
    boundary = ended.clone()
    boundary[:, -1] = True
    stretch = ended.long().cumsum(dim=1) - ended.long()
    final = led_to.new_zeros((*led_to.shape[:2], int(stretch.max()) + 1, *led_to.shape[3:]))
    row, step, copy = torch.nonzero(boundary, as_tuple=True)
    final[row, :, stretch[row, step, copy], copy] = led_to[row, :, step, copy]
    return final


def action_tensor_type(spec: Spec) -> torch.dtype:
    """Return the type in which an agent's action, or each number of it, is kept and travels."""
    if not spec.discrete:
        return torch.float32
    last = spec.choices.shape[2] - 1
    return next(kind for kind in _CHOICES if last <= torch.iinfo(kind).max)
