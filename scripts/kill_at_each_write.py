"""Kills a run before and half-way through each of its writes: `kill_at_each_write.py`.

A child process plays, resumes or repeats a small run, and ends itself with SIGKILL at the n-th
thing that it does to the disk (writes to a file, makes, renames, removes or settles a name), for
every n. The run is then resumed, once after a second kill, and must end with the bytes of a run
that was left alone, and with no other file beside them.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

from marl_comm.command_line.composition import compose
from marl_comm.config.run import RunConfig
from marl_comm.runs import sweep
from marl_comm.runs.session import execute, resume
from marl_comm.storage import files

RUNS = {
    "tabular": (
        "game.agents=2",
        "num_seeds=2",
        "samples_per_round=20",
        "max_local_steps=3",
        "game.reward_noise=0.1",
    ),
    "mappo": (
        "game=mpe/simple_spread",
        "algorithm=importance_sampling",
        "communication=periodic",
        "game.agents=2",
        "game.max_cycles=2",
        "game.steps=2",
        "game.copies=1",
        "game.evaluation_copies=1",
        "learner.hidden=[4]",
        "learner.epochs=1",
        "learner.minibatches=1",
        "max_local_steps=3",
    ),
}
SETTINGS = ("logger=local", "checkpoint_seconds=1e-9")
CALLS = ("replace", "rename", "unlink", "mkdir", "rmdir", "fsync", "ftruncate")


class Killer:
    """Ends this process at the n-th change of the disk, before it or half-way through it."""

    def __init__(self, at: int, *, halfway: bool) -> None:
        self._left, self._halfway = at, halfway

    def change(self, act: Callable[..., Any], half: Callable[[], Any] | None) -> Callable[[], Any]:
        """Return the act, or what ends the process in its place."""
        self._left -= 1
        if self._left != 0:
            return act
        if self._halfway and half is not None:
            half()
        os.kill(os.getpid(), signal.SIGKILL)
        return act

    def install(self) -> None:
        """Watch all that goes to the disk from here on."""
        killer = self

        class Watched(FileIO):
            def write(self, content: Any) -> int:
                content = bytes(content)
                half = content[: len(content) // 2]
                killer.change(lambda: None, lambda: FileIO.write(self, half))
                return FileIO.write(self, content)

            def truncate(self, size: int | None = None) -> int:
                killer.change(lambda: None, None)
                return FileIO.truncate(self, size)

        files.FileIO = Watched  # type: ignore[misc]
        for name in CALLS:
            call = getattr(os, name)

            def watched(*given: Any, call: Callable[..., Any] = call, **named: Any) -> Any:
                killer.change(lambda: None, None)
                return call(*given, **named)

            setattr(os, name, watched)


def in_a_child(act: Callable[[], object], killer: Killer | None = None) -> bool:
    """Run a function in a child process; return whether it was killed, by itself."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        code = 1
        try:
            if killer is not None:
                killer.install()
            act()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.WEXITSTATUS(status) != 0:
        raise SystemExit("a run failed that should not have")
    return False


def content(directory: Path) -> dict[str, bytes]:
    """Return all files below a directory; the locks of a sweep are empty, and stay."""
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file() and file.suffix != ".lock"
    }


def acts(config: RunConfig, scratch: Path) -> dict[str, Callable[[], object]]:
    """Return what is killed, by name: a run, and a job of a sweep, with its plan."""
    run, job = scratch / "run" / "job", scratch / "sweep" / "job"

    def play() -> object:
        if (run / "config.yaml").exists():
            return resume(run)
        return execute(config, run)

    def play_job() -> object:
        sweep.plan(job.parent, {job.name: sweep.SweepJob(config, ())})
        return sweep.play_job(config, job)

    return {"run": play, "sweep": play_job}


def main() -> int:
    """Return 0 if every killed run ended as the one did that was left alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=RUNS, help="one kind of run")
    parser.add_argument("--every", type=int, default=1, help="kill at every so manieth write only")
    arguments = parser.parse_args()
    kills = unequal = 0
    for kind in [arguments.only] if arguments.only else RUNS:
        config = compose(*RUNS[kind], *SETTINGS)
        with tempfile.TemporaryDirectory() as name:
            scratch = Path(name)
            execute(config, scratch / "first")  # loads what every child would load anew
            for what, act in acts(config, scratch).items():
                in_a_child(act)
                reference = content(scratch / what)
                for halfway in (False, True):
                    at, killed = 1, True
                    while killed:
                        shutil.rmtree(scratch / what)
                        killed = in_a_child(act, Killer(at, halfway=halfway))
                        # Once more, at a place that is different each time.
                        again = killed and in_a_child(act, Killer(1 + at % 7, halfway=halfway))
                        in_a_child(act)
                        in_a_child(act)  # finished already: it only tidies
                        left = content(scratch / what)
                        if left != reference:
                            unequal += 1
                            names = left.keys() | reference.keys()
                            odd = [name for name in names if left.get(name) != reference.get(name)]
                            print(f"{kind}, {what}: {odd} after a kill at write {at}", flush=True)
                        kills += killed + again
                        at += arguments.every
                shutil.rmtree(scratch / what)
    print(f"{kills} kills, {unequal} runs that did not end as the one that was left alone")
    return min(unequal, 1)


if __name__ == "__main__":
    sys.exit(main())
