"""A whole group on this machine without `torchrun`: agents are forked from the world's process.

What takes longest, loading torch, is then done once and not by every process.
"""

import contextlib
import gc
import os
import signal
import sys
import tempfile


class GroupHere:
    """The processes of one run, seen from each of them.

    Attributes:
        rank: Of this process: 0 is the world, which has forked the others.
    """

    def __init__(self, agents: int) -> None:
        """Load what all need, then fork one process an agent."""
        import marl_comm.agents.agent
        import marl_comm.agents.world  # noqa: F401 - loaded here for all

        self.rank = 0
        self._children: list[int] = []
        self._folder = tempfile.TemporaryDirectory()
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # what is loaded stays in memory that all share
        for agent in range(agents):
            child = os.fork()
            if child == 0:
                self.rank, self._children = agent + 1, []
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # the world ends the run, and saves
                return
            self._children.append(child)

    @property
    def meeting_place(self) -> str:
        """Where the processes find each other."""
        return f"file://{self._folder.name}/meeting"

    def end(self, *, well: bool) -> None:
        """In the world's process: wait for the agents, or where all did not go well, end them."""
        for child in self._children:
            if not well:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if self.rank == 0:
            self._children.clear()
            self._folder.cleanup()
