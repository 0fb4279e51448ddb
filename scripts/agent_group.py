"""Groups of processes as `torchrun` starts them, but forked from one that has imported it all."""

import ctypes
import importlib
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Self

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["marl_comm.agents.world", "marl_comm.agents.agent", "marl_comm.agents.command", "hydra"]
)
PATIENCE = 60.0
"""Seconds until something that is waited for counts as never happening."""
_NAMESPACES = Path("/run/netns")
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of linux/sched.h


def _play(
    place: Mapping[str, str], namespace: str | None, output: Path, arguments: list[str], trick: str
) -> None:
    """Run one process of a group; what it prints goes to a file of its own."""
    if namespace is not None:
        with (_NAMESPACES / namespace).open() as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _NEW_NETWORK) != 0:
                raise OSError(ctypes.get_errno(), "cannot enter the namespace", namespace)
    os.environ.update(place)
    printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    sys.argv = ["marl_comm.agents", *arguments]
    if trick:
        module, _, name = trick.partition(":")
        getattr(importlib.import_module(module), name)(int(place["RANK"]), output.parent)
    from marl_comm.agents.command import main

    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Group:
    """The processes of one run.

    Attributes:
        folder: Where each leaves what it prints; the run is in `run` inside it.
    """

    def __init__(
        self,
        folder: Path,
        agents: int,
        *arguments: str,
        sized: bool = True,
        trick: str = "",
        address: str = "127.0.0.1",
        namespaces: Sequence[str] | None = None,
    ) -> None:
        """Start them.

        Args:
            folder: See above.
            agents: How many; the command line says so, too.
            arguments: Further words of the command line.
            sized: Whether their number is a setting of the game.
            trick: A function, as `module:name`, that every process calls first.
            address: Of the world.
            namespaces: The network namespace of each process; None for that of this one.
        """
        folder.mkdir(exist_ok=True)
        self.folder = folder
        words = [
            *([f"game.agents={agents}"] if sized else []),
            "logger=local",
            f"hydra.run.dir={folder / 'run'}",
            *arguments,
        ]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        shared = {"WORLD_SIZE": agents + 1, "MASTER_ADDR": address, "MASTER_PORT": port}
        self._processes: list[BaseProcess] = []
        for rank in range(agents + 1):
            place = {name: str(value) for name, value in {**shared, "RANK": rank}.items()}
            inside = None if namespaces is None else namespaces[rank]
            output = folder / f"rank_{rank}.txt"
            settings = (place, inside, output, words, trick)
            process = _CONTEXT.Process(target=_play, args=settings)
            process.start()
            self._processes.append(process)

    def codes(self, stopped: int | None = None, patience: float = PATIENCE) -> list[int | None]:
        """Wait for all, and return their exit codes; None for those that have not ended by then.

        Args:
            stopped: One that is not waited for.
            patience: Seconds until those that still run are killed.
        """
        deadline = time.monotonic() + patience
        for rank, process in enumerate(self._processes):
            if rank != stopped:
                process.join(max(deadline - time.monotonic(), 0))
        found = [process.exitcode for process in self._processes]
        self.__exit__()
        return found

    def said(self, rank: int) -> list[str]:
        """Return the lines that a process has printed, without those of its progress."""
        lines = (self.folder / f"rank_{rank}.txt").read_text().splitlines()
        return [line for line in lines if not line.startswith("local update ")]

    def send(self, rank: int, number: signal.Signals) -> None:
        """Send a signal to one process."""
        pid = self._processes[rank].pid
        assert pid is not None
        os.kill(pid, number)

    def await_line(self, number: int) -> None:
        """Wait until the run has logged so many lines."""
        log, deadline = self.folder / "run" / "metrics.jsonl", time.monotonic() + PATIENCE
        while not log.exists() or log.read_bytes().count(b"\n") < number:
            assert time.monotonic() < deadline, "the run never got so far"
            assert all(process.exitcode is None for process in self._processes)
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            if process.exitcode is None:
                process.kill()
            process.join()
