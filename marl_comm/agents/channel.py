"""What the world and the agents say to each other, counted to the byte.

All goes by way of the world's process, rank 0: gathered from the agents, handed out to them. Both
are made of one send and one receive for each agent, so that the agent can be named which is gone.
They are the group's own: what `torch.distributed` has around them takes longer than they do.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist

from marl_comm.agents.packing import Bytes
from marl_comm.agents.sockets import connections, moved
from marl_comm.errors import GroupError

WORLD = 0
_TAG = 0  # of all messages: those of two processes come in their order
UNTIL_ALL_HAVE_STARTED = timedelta(minutes=5)
Answer = Callable[[], Bytes]


class Channel:
    """One process group, seen from one process. All sizes are known to both sides beforehand.

    Attributes:
        agents: How many there are; agent i, counted from 0, has rank i + 1.
        sent: Bytes handed to the group here.
        received: Bytes taken from it here.
    """

    def __init__(self, agents: int, timeout: float) -> None:
        """Make a group of all processes; all of them do so at the same time.

        Args:
            agents: How many there are.
            timeout: Seconds after which a process that does not answer counts as gone.
        """
        self.agents = agents
        self.sent = self.received = 0
        self._timeout = timeout
        before = connections()
        self._group = dist.new_group(backend="gloo", timeout=timedelta(seconds=timeout))
        self._connections = connections() - before

    @property
    def on_sockets(self) -> tuple[int, int] | None:
        """Bytes sent and received on this process's connections; None where nobody tells."""
        return moved(self._connections)

    def gather(self, size: int) -> list[Bytes]:
        """World: return what every agent sends, of so many bytes each."""
        return self.gather_each([size] * self.agents)

    def gather_each(self, sizes: Sequence[int]) -> list[Bytes]:
        """World: return what every agent sends, of so many bytes."""
        answers = [self._expect(size, agent + 1) for agent, size in enumerate(sizes)]
        return [answer() for answer in answers]

    def expect_all(self, size: int) -> Callable[[], list[Bytes]]:
        """World: get ready for what every agent will send; call the result to wait for it."""
        answers = [self._expect(size, agent + 1) for agent in range(self.agents)]
        return lambda: [answer() for answer in answers]

    def scatter(self, parts: Sequence[Bytes]) -> None:
        """World: send each agent its part."""
        waiting = [self._send(part, agent + 1) for agent, part in enumerate(parts)]
        for wait in waiting:
            wait()

    def broadcast(self, data: Bytes) -> None:
        """World: send all agents the same."""
        self.scatter([data] * self.agents)

    def write(self, data: Bytes) -> None:
        """Agent: send to the world."""
        self._send(data, WORLD)()

    def read(self, size: int, patience: timedelta | None = None) -> Bytes:
        """Agent: return the next so many bytes from the world.

        Args:
            size: How many.
            patience: In place of the group's timeout.
        """
        return self._expect(size, WORLD, patience)()

    def expect(self, size: int) -> Answer:
        """Agent: get ready for what the world will send; call the result to wait for it."""
        return self._expect(size, WORLD)

    def _send(self, data: Bytes, rank: int) -> Callable[[], None]:
        # The group wants memory that could be written to.
        tensor = torch.from_numpy(data if data.flags.writeable else data.copy())
        self.sent += data.nbytes
        try:
            work = self._group.send([tensor], rank, _TAG)
        except RuntimeError as error:
            raise self._gone(rank, error) from error

        def wait() -> None:
            try:
                work.wait()
            except RuntimeError as error:
                raise self._gone(rank, error) from error

        return wait

    def _expect(self, size: int, rank: int, patience: timedelta | None = None) -> Answer:
        data = np.empty(size, np.uint8)
        try:
            work = self._group.recv([torch.from_numpy(data)], rank, _TAG)
        except RuntimeError as error:
            raise self._gone(rank, error) from error

        def wait() -> Bytes:
            try:
                work.wait() if patience is None else work.wait(patience)
            except RuntimeError as error:
                raise self._gone(rank, error) from error
            self.received += size
            return data

        return wait

    def _gone(self, rank: int, error: RuntimeError) -> GroupError:
        who = "the world" if rank == WORLD else f"agent {rank - 1}"
        text = str(error).lower()
        if "timed out" in text or "timeout" in text:
            return GroupError(f"{who} has not answered within {self._timeout:g} s (--timeout)")
        return GroupError(f"{who} is gone: the connection to it was closed")
