"""What a round of an environment costs: every number that travels, counted one by one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from rollout_worlds import (
    MASKED,
    NUMBERS,
    SEVERAL,
    SPREAD,
    UNEVEN,
    learner_for,
    made_up_chunk,
    round_of,
)

from marl_comm.experience.rollouts import FINAL, Rollouts, action_tensor_type
from marl_comm.games.environments.spec import Spec
from marl_comm.rows import put, take

WORLD = replace(UNEVEN, world_size=6)


@pytest.mark.parametrize(
    "spec",
    [SPREAD, UNEVEN, NUMBERS, MASKED, SEVERAL, WORLD],
    ids=["even", "uneven", "numbers", "masked", "several", "world"],
)
def test_bytes_are_those_of_what_each_agent_writes_and_reads(spec):
    steps, copies = 3, 2
    count = torch.tensor([1, 4])
    rollouts = Rollouts.empty(spec, count, steps, copies)
    rollouts.chunks.ended[1, 2, 0, 1] = True  # two stretches in the second copy
    rollouts.chunks.ended[1, 3, 2, 0] = True  # ends with the chunk: one stretch as any
    traffic = rollouts.traffic
    agents = len(spec.agents)
    for row, chunks in enumerate([1, 4]):
        written = []
        for agent in range(agents):
            own = 0
            for _ in range(chunks):
                for _ in range(steps * copies):
                    own += 4 * spec.observation_sizes[agent]
                    if spec.discrete:
                        own += len(spec.parts[agent]) if spec.parts else 1
                    else:
                        own += 4 * spec.action_sizes[agent]
                    own += spec.action_sizes[agent] if spec.masked else 0  # one for each choice
                    own += 4  # reward
                    own += 1  # whether it acted
                if not spec.world_size:  # else the world's state takes the place of both
                    own += copies * 4 * spec.observation_sizes[agent]  # what the chunk led to
            if not spec.world_size:
                own += row * 4 * spec.observation_sizes[agent]  # what the cut-off episode led to
            written.append(own)
        ends = 2 * chunks * steps * copies
        ends += 4 * spec.world_size * (chunks * steps * copies + chunks * copies + row)
        up = sum(written) + ends
        # The ends of episodes, and the world's state, are written by one of them.
        down = sum(up - own for own in written) - ends
        assert traffic.samples[row] == chunks * steps * copies
        assert traffic.bytes_up[row] == up
        assert traffic.bytes_down[row] == down


def test_rows_are_kept_replaced_and_read_back():
    learner = learner_for(SPREAD, range(3))
    chunks = [made_up_chunk(learner, SPREAD, seed) for seed in range(3)]
    rollouts = round_of(learner, SPREAD, chunks[:1]).rollouts
    longer = round_of(learner, SPREAD, chunks[1:]).rollouts
    put(rollouts, torch.tensor([2]), take(longer, torch.tensor([2])))
    np.testing.assert_array_equal(rollouts.count, [1, 1, 2])
    read = rollouts.chunk(torch.tensor([0, 0, 1]))
    for name, data in vars(read).items():
        for row, chunk in enumerate([chunks[0], chunks[0], chunks[2]]):
            expected = getattr(chunk, name)[row]
            if name in FINAL:
                data = data[:, :, : expected.shape[1]]
            np.testing.assert_array_equal(data[row], expected.to(data.dtype), err_msg=name)


@pytest.mark.parametrize(
    ("choices", "size"), [(2, 1), (256, 1), (257, 2), (2**15, 2), (2**15 + 1, 4)]
)
def test_every_choice_fits_the_type_that_actions_are_kept_in(choices, size):
    kind = action_tensor_type(Spec(("one", "two"), (1, 1), (2, choices), discrete=True))
    assert torch.tensor(choices - 1).to(kind).item() == choices - 1
    assert kind.itemsize == size
