"""What is done to the processes of a group in tests before they begin."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from marl_comm.games.environments.mpe.environments import ParticleEnvironments
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.games.over_time.rules import MarkovGame

Message = tuple[str, int, bytes]
"""\"sent\" or \"heard\"; which channel (0 play, 1 rounds); the bytes."""


def listens(rank: int, folder: Path) -> None:
    """Make it write down all that it sends and hears, and which rules of games it makes."""
    file = folder / f"heard_{rank}.pickle"
    messages: list[Message] = []
    channels: list[Any] = []
    rules: list[str] = []
    for kind in (PotentialGame, MarkovGame, ParticleEnvironments):
        _note_when_made(kind, rules)
    send, receive, end = dist.ProcessGroup.send, dist.ProcessGroup.recv, os._exit

    def channel(group: Any) -> int:
        if group not in channels:
            channels.append(group)
        return channels.index(group)

    def sending(group: Any, tensors: list[Any], *arguments: Any) -> Any:
        messages.extend(("sent", channel(group), each.numpy().tobytes()) for each in tensors)
        return send(group, tensors, *arguments)

    def receiving(group: Any, tensors: list[Any], *arguments: Any) -> Any:
        work, at = receive(group, tensors, *arguments), channel(group)

        class Heard:
            def wait(self, *patience: Any) -> None:
                work.wait(*patience)
                messages.extend(("heard", at, each.numpy().tobytes()) for each in tensors)

        return Heard()

    def ending(code: int) -> None:
        file.write_bytes(pickle.dumps((messages, rules)))
        end(code)

    dist.ProcessGroup.send, dist.ProcessGroup.recv = sending, receiving
    os._exit = ending  # type: ignore[assignment]


def _note_when_made(kind: type, rules: list[str]) -> None:
    make = kind.__init__

    def made(self: object, *arguments: Any, **named: Any) -> None:
        rules.append(type(self).__name__)
        make(self, *arguments, **named)

    kind.__init__ = made  # type: ignore[misc]


def rounds_differently(rank: int, folder: Path) -> None:
    """Make the second agent's policies differ in their last bit from local update 6 on."""
    from marl_comm.learners.mappo.learner import Mappo
    from marl_comm.learners.npg.learner import NaturalPolicyGradient

    def spoil_table(learner: NaturalPolicyGradient) -> None:
        learner.log_policy[0, 0, 0] = np.nextafter(learner.log_policy[0, 0, 0], -np.inf)

    def spoil_network(learner: Mappo) -> None:
        learner.networks.actor[0, 0] = torch.nextafter(
            learner.networks.actor[0, 0], torch.tensor(-torch.inf)
        )

    if rank == 2:
        _after_sixth_update(NaturalPolicyGradient, spoil_table)
        _after_sixth_update(Mappo, spoil_network)


def _after_sixth_update(learners: Any, spoil: Callable[[Any], None]) -> None:
    update, made = learners.update, 0

    def updated(learner: Any) -> None:
        nonlocal made
        update(learner)
        made += 1
        if made == 6:
            spoil(learner)

    learners.update = updated
