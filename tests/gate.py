"""Whether a change of the code has left every number as it was.

From the root of a checkout, before and after the change, or in two checkouts:

    python tests/gate.py run /tmp/before
    python tests/gate.py run /tmp/after
    python tests/gate.py compare /tmp/before /tmp/after --added algorithm.reuse

`run` plays every command of `gate_commands.py` with the package of the current directory, and
writes the SHA-256 of each run's files to `digests.json`. `compare` takes two folders that hold run
directories, or two files of digests, and names the files and fields that differ.
"""

import argparse
import contextlib
import importlib
import json
import os
import pkgutil
import platform
import runpy
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gate_commands import Command, commands
from gate_differences import SUMMARY, Difference, differences, digests, run_directories

DIGESTS, RUNS, OUTPUT = "digests.json", "runs", "output"
_PLAYING, _RESUMING = "marl_comm.run", "marl_comm.resume"
_OPTIONAL = {  # packages of games
    "vmas": "vmas",
    "lbf": "lbforaging",
    "rware": "rware",
    "jaxmarl": "jaxmarl",
    "smax": "jaxmarl",
}
_SHOWN = 8  # differences of a run

Found = dict[str, tuple[Path | None, dict[str, str]]]
"""The directory of each run, where it is there, and the digests of its files."""


def main() -> int:
    """Run or compare as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modes = parser.add_subparsers(dest="mode", required=True)
    run = modes.add_parser("run", help="play all commands and write digests of their files")
    run.add_argument("folder", type=Path, help="a new folder")
    run.add_argument("--list", action="store_true", help="print the commands and stop")
    compare = modes.add_parser("compare", help="say what differs; exit code 1 if anything does")
    compare.add_argument("before", type=Path, help=f"a folder with runs, or its {DIGESTS}")
    compare.add_argument("after", type=Path)
    compare.add_argument(
        "--added", action="append", default=[], metavar="FIELD", help="may be there now"
    )
    compare.add_argument("--more-runs", action="store_true", help="runs may be there now, too")
    for mode in (run, compare):
        mode.add_argument("--only", action="append", help="what has this text in its name")
    arguments = parser.parse_args()
    wanted = arguments.only or [""]
    if arguments.mode == "compare":
        old, new = (
            {name: run for name, run in found(path).items() if any(text in name for text in wanted)}
            for path in (arguments.before, arguments.after)
        )
        if not old:
            raise SystemExit(f"{arguments.before} holds no such runs")
        return report(old, new, arguments.added, more_runs=arguments.more_runs)
    chosen = [command for command in commands() if any(text in command.name for text in wanted)]
    if arguments.list:
        print("\n".join(shlex.join(("python", "-m", _PLAYING, *c.arguments)) for c in chosen))
        return 0
    return play_all(chosen, arguments.folder)


def play_all(chosen: list[Command], folder: Path) -> int:
    """Play commands with the package of the current directory, and write the digests."""
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"{folder} holds something already; name a new folder")
    os.environ["OMP_NUM_THREADS"] = "1"
    package = _load_package()
    began = time.monotonic()
    (folder / OUTPUT).mkdir(parents=True, exist_ok=True)
    codes = {}
    for command in chosen:
        needed = [_OPTIONAL[game] for game in _OPTIONAL if f"game={game}" in command.name]
        if missing := [package for package in needed if find_spec(package) is None]:
            print(f"skipped, {missing[0]} is not installed: {command.name}", file=sys.stderr)
            continue
        codes[command.name] = code = play(command, folder)
        if code != 0:
            lines = _output(command, folder).read_text(encoding="utf-8").strip().splitlines()
            print(f"failed with {code}: {command.name}: {lines[-1:]}", file=sys.stderr)
    runs = {name: digests(path) for name, path in run_directories(folder / RUNS).items()}
    result = {"package": package, "exit_codes": codes, "runs": runs}
    (folder / DIGESTS).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    seconds = time.monotonic() - began
    print(f"{len(codes)} commands, {len(runs)} runs in {seconds:.0f} s: {folder / DIGESTS}")
    return int(any(codes.values()))


def play(command: Command, folder: Path) -> int:
    """Play one command in a process of its own; return its exit code."""
    directory = folder / RUNS / command.name.replace("/", "_")
    key = "hydra.sweep.dir" if command.sweep else "hydra.run.dir"
    arguments = [*command.arguments, f"{key}='{directory.resolve()}'"]
    with _output(command, folder).open("wb") as output:
        process = _start(_PLAYING, arguments, output.fileno())
        if not command.interrupted:
            return _exit_code(process)
        # Killed once it has saved itself; how far it came then must not show in its files.
        while len(list(directory.glob("checkpoints/checkpoint_*"))) < 2:
            if os.waitpid(process, os.WNOHANG)[0]:
                return _told(output.fileno(), "ended before it could be killed")
            time.sleep(0.005)
        os.kill(process, signal.SIGKILL)
        _exit_code(process)
        if (directory / SUMMARY).exists():
            return _told(output.fileno(), "was finished when it was killed")
        return _exit_code(_start(_RESUMING, [str(directory)], output.fileno()))


def report(old: Found, new: Found, added: list[str], *, more_runs: bool) -> int:
    """Print what differs; return 1 where something does that is not allowed, else 0."""
    count, allowed, refused = 0, Counter[str](), Counter[str]()
    for name in sorted(old.keys() | new.keys()):
        if name not in new or (name not in old and not more_runs):
            lines = [Difference("run", "file", "", "gone" if name in old else "was not there")]
        elif name not in old:
            allowed["run was not there"] += 1
            continue
        else:
            lines = _differences(old[name], new[name])
        allowed.update({line.in_short for line in lines if line.allowed_by(added)})
        differing = [line for line in lines if not line.allowed_by(added)]
        if differing:
            more = [f"and {len(differing) - _SHOWN} more"] if len(differing) > _SHOWN else []
            print(name, *differing[:_SHOWN], *more, sep="\n    ")
        refused.update({difference.in_short for difference in differing})
        count += bool(differing)
    for verb, counter in (("allowed", allowed), ("DIFFERS", refused)):
        for what, runs in counter.most_common():
            print(f"{verb}: {what} (runs: {runs})")
    print(f"{len(old.keys() | new.keys())} runs, {count} differ")
    return int(count > 0)


def found(path: Path) -> Found:
    """Return the runs of a folder, or those that a file of digests tells of."""
    folder = path if path.is_dir() else path.parent
    runs = run_directories(folder / RUNS if (folder / RUNS).is_dir() else folder)
    if path.is_dir():
        return {name: (directory, digests(directory)) for name, directory in runs.items()}
    told = json.loads(path.read_text(encoding="utf-8"))["runs"]
    return {name: (runs.get(name), digest) for name, digest in told.items()}


def _differences(
    before: tuple[Path | None, dict[str, str]], after: tuple[Path | None, dict[str, str]]
) -> list[Difference]:
    (old, old_digests), (new, new_digests) = before, after
    if old_digests == new_digests:
        return []
    if old is not None and new is not None and (named := differences(old, new)):
        return named
    names = sorted(old_digests.keys() | new_digests.keys())
    unequal = [name for name in names if old_digests.get(name) != new_digests.get(name)]
    return [Difference(name, "file", "", "another digest") for name in unequal]


def _load_package() -> dict[str, Any]:
    """Import the current directory's package once, so that the commands need not wait for it."""
    root = Path.cwd()
    sys.path.insert(0, str(root))
    package: Any = importlib.import_module("marl_comm")
    if Path(package.__file__).resolve().parent.parent != root.resolve():
        raise SystemExit(f"{root} holds no marl_comm; go to the root of a checkout")
    for module in pkgutil.walk_packages(package.__path__, "marl_comm."):
        if module.name not in (_PLAYING, _RESUMING) and not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)
    asked = subprocess.run(
        ["git", "log", "-1", "--format=%h %s"], capture_output=True, text=True, check=False
    )
    numpy, torch = importlib.import_module("numpy"), importlib.import_module("torch")
    versions = {"python": platform.python_version(), "numpy": numpy.__version__}
    versions["torch"] = torch.__version__
    return {"root": str(root), "commit": asked.stdout.strip(), "versions": versions}


def _start(module: str, arguments: list[str], output: int) -> int:
    """Start `python -m module` in a copy of this process, in which everything is imported."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _exit_code(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _told(output: int, what: str) -> int:
    os.write(output, f"{what}\n".encode())
    return 1


def _output(command: Command, folder: Path) -> Path:
    return folder / OUTPUT / f"{command.name.replace('/', '_')}.txt"


if __name__ == "__main__":
    sys.exit(main())
