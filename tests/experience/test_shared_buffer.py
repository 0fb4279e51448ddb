import numpy as np
import pytest

from marl_comm.communication.ledger import Ledger
from marl_comm.experience.shared_buffer import SharedBuffer, action_type


@pytest.mark.parametrize(("actions", "size"), [(2, 1), (256, 1), (257, 2), (65536, 2), (65537, 4)])
def test_an_action_takes_the_fewest_bytes_that_hold_it(actions, size):
    assert np.dtype(action_type(actions)).itemsize == size


def test_team_rewards_are_written_once_and_read_by_all():
    samples, agents = 10, 3
    buffer = SharedBuffer(
        np.zeros((2, samples, agents), np.uint8), np.zeros((2, samples), np.float32)
    )
    traffic = buffer.traffic
    assert traffic.samples == samples
    assert traffic.bytes_up == samples * agents * 1 + samples * 4
    # Each of the agents reads the two other columns of actions, and all rewards.
    assert traffic.bytes_down == agents * (samples * 2 * 1 + samples * 4)


def test_own_rewards_travel_to_the_others_only():
    samples, agents = 10, 3
    buffer = SharedBuffer(
        np.zeros((1, samples, agents), np.uint16), np.zeros((1, samples, agents), np.float32)
    )
    assert buffer.traffic.bytes_up == samples * agents * (2 + 4)
    assert buffer.traffic.bytes_down == agents * (agents - 1) * samples * (2 + 4)


def test_the_ledger_adds_up_for_the_seeds_that_communicate():
    buffer = SharedBuffer(np.zeros((1, 10, 3), np.uint8), np.zeros((1, 10), np.float32))
    ledger = Ledger(3)
    ledger.communicate(np.array([0, 2]), buffer.traffic)
    ledger.communicate(np.array([2]), buffer.traffic)
    assert ledger.rounds.tolist() == [1, 0, 2]
    assert ledger.samples.tolist() == [10, 0, 20]
    assert ledger.bytes_up.tolist() == [70, 0, 140]
    assert ledger.bytes_down.tolist() == [180, 0, 360]
