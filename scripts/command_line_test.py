"""Types thousands of command lines, right and wrong ones: `command_line_test.py --lines 5000`.

Each line is typed to one command, in a child process and a folder with a few runs in it. The
command must end within a minute with an exit code of docs/commands.md: 0, 1 or 2. It must print no
traceback, no usage and no control character. Where it does not end with 0, it must say why in one
line, or in one for each directory.
"""

import argparse
import contextlib
import functools
import importlib
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from marl_comm import compare
from marl_comm.command_line import program
from marl_comm.command_line.commands import COMMANDS
from marl_comm.command_line.composition import compose
from marl_comm.command_line.exits import ended
from marl_comm.config.run import RunConfig
from marl_comm.loggers import wandb as wandb_logger
from marl_comm.loggers import wandb_server
from marl_comm.paper import command as paper
from marl_comm.paper.figure import paper_figures
from marl_comm.runs import session
from marl_comm.runs.session import execute

LONGEST = 60  # seconds of a command
ODD = (
    *(
        "",
        " ",
        "-",
        "--",
        "-x",
        "--nosuch",
        "=",
        "a=b",
        "\x1b[31mred\x1b[0m",
        "\x07\r\n\t",
        "\u202e",
    ),
    *(
        "\udcff\udc80",
        "ä" * 300,
        "x" * 5000,
        "[/red]",
        "$\\frac{",
        "%s%(prog)s",
        "{a}",
        "'",
        '"',
        "\\",
    ),
    *("9" * 6000, "-1", "1e400", "nan", "0x10", "null", "true", "[1,2]", "{a:1}", "${oc.env:HOME}"),
    *(
        "/dev/null",
        "/proc/self/mem",
        "/nonexistent/x",
        "..",
        "~",
        "*.yaml",
        "a/b\x00".rstrip("\x00"),
    ),
)
PLACES = (
    "tabular",
    "mappo",
    "unfinished",
    "empty",
    "file.txt",
    "missing",
    ".",
    "pipe",
    "a [/b] $x",
)
WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "run": (
        *(
            ("-m",),
            ("--multirun",),
            ("--cfg", "job"),
            ("--cfg", "hydra"),
            ("--dry-run",),
            ("--help",),
        ),
        *(
            ("--info", "defaults"),
            ("--config-dir", "empty"),
            ("--resolve",),
            ("-c",),
            ("--version",),
        ),
        *(
            ("game=coverage",),
            ("game=congestion",),
            ("game=nosuch",),
            ("game=coverage,congestion",),
        ),
        *(("algorithm=stale",), ("algorithm=stale,full_communication",), ("+experiment=rates",)),
        *(("experiment=rates",), ("experiment=nosuch",), ("learner=mappo",), ("logger=local",)),
        *(("num_seeds=2",), ("num_seeds=0",), ("seed=-1",), ("seed=1,2",), ("seed=range(3)",)),
        *(("lr=0.1",), ("total_timesteps=5",), ("game.agents=3",), ("+game.foo=3",), ("~game",)),
        *(("samples_per_round=1e3",), ("samples_per_round=null",), ("communication=periodic",)),
        *(("hydra.run.dir=tabular",), ("hydra.run.dir=unfinished",), ("hydra.run.dir=file.txt",)),
        *(("hydra.sweep.dir=empty",), ("hydra.output_subdir=.",), ("hydra/launcher=nosuch",)),
        *(("wandb=online",), ("env_id=CartPole-v1",), ("max_local_steps=1",), ("metrics.every=3",)),
    ),
    "resume": (("--trust",), ("--help",), ("--quiet",)),
    "compare": (("--out", "out"), ("--out", "file.txt"), ("--reference", "stale"), ("--help",)),
    "evaluate": (
        *(
            ("--episodes", "1"),
            ("--episodes", "0"),
            ("--seed", "3"),
            ("--seed", "-3"),
            ("--trust",),
        ),
        *(
            ("--render", "out.gif"),
            ("--render", "out.txt"),
            ("--render", "missing/out.gif"),
            ("-h",),
        ),
    ),
    "sync": (("--mode", "offline"), ("--mode", "nosuch"), ("--project", "p"), ("--help",)),
    "wall-clock": (
        *(("latency=0.1",), ("latency=-1",), ("bandwidth=1e6",), ("gap=0.03",), ("gap=7",)),
        *(("return=-1000",), ("simulation_speed=0",), ("nosuch=1",), ("--help",)),
    ),
    "figures": (
        *((name,) for name in (*paper_figures(), "nosuch")),
        *(("--scale", "quick"), ("--scale", "nosuch"), ("--full", "rates"), ("--full", "nosuch")),
        *(("--jobs", "1"), ("--jobs", "0"), ("--jobs", "x"), ("--runs", "file.txt"), ("--help",)),
    ),
    "completion": (("bash",), ("overrides",), ("nosuch",), ("marl-comm run game=co",), ("--help",)),
    "": (("--help",), ("--version",), ("nosuch",), ("game=coverage",), ("comprae",), ("-m",)),
}
NAMES_PLACES = ("resume", "compare", "evaluate", "sync", "wall-clock")
SETTINGS = ("logger=local", "num_seeds=2", "max_local_steps=3", "checkpoint_seconds=1e-9")
MAPPO = ("game=mpe/simple_spread", "game.copies=2", "game.evaluation_copies=2")


class NoRun:
    """Stands for W&B's run, which takes a second to start."""

    def __getattr__(self, name: str) -> "NoRun":
        """Have any attribute."""
        return self

    def __call__(self, *_: Any, **__: Any) -> "NoRun":
        """Take any call."""
        return self


def make_folder(folder: Path) -> None:
    """Make what the command lines name: runs, and what is none."""
    with contextlib.redirect_stderr(io.StringIO()):
        tabular = compose(*SETTINGS, "game.agents=2", "samples_per_round=20")
        execute(tabular, folder / "tabular")
        execute(tabular, folder / "a [/b] $x")
        execute(compose(*SETTINGS, *MAPPO), folder / "mappo")
    shutil.copytree(folder / "tabular", folder / "unfinished")
    (folder / "unfinished" / "summary.json").unlink()
    (folder / "unfinished" / "metrics.jsonl").write_bytes(b"")
    (folder / "empty").mkdir()
    (folder / "file.txt").write_text("text\n")
    os.mkfifo(folder / "pipe")


def line_of(rng: random.Random) -> tuple[str, list[str]]:
    """Return a command and what is typed to it."""
    command = rng.choice([*WORDS])
    words: list[str] = []
    for _ in range(rng.choice([0, 1, 1, 2, 3, 5])):
        words += rng.choice(WORDS[command])
    if command in NAMES_PLACES:
        for _ in range(rng.choice([0, 1, 1, 1, 2])):
            words.insert(rng.randrange(len(words) + 1), rng.choice(PLACES))
    for _ in range(rng.choice([0, 0, 1, 2])):
        odd = rng.choice(ODD)
        if words and rng.random() < 0.5:
            at = rng.randrange(len(words))
            key, is_setting, _ = words[at].partition("=")
            words[at] = f"{key}={odd}" if is_setting else odd
        else:
            words.insert(rng.randrange(len(words) + 1), odd)
    if command == "figures":
        words.append("--cost")
    return command, words


def act(command: str, words: Sequence[str]) -> int:
    """Do what the console script does with a command line."""
    name = program.CONSOLE_SCRIPT
    sys.argv = [name, *([command] if command else []), *words]
    code = importlib.import_module("marl_comm.command_line.main").main()
    return ended(code)


def observed(command: str, words: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of a command in a child process."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.chdir(folder)
                signal.alarm(LONGEST)
                for stream, to in ((out, 1), (err, 2)):
                    os.dup2(stream.fileno(), to)
                sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding="utf-8")
                sys.stderr = io.TextIOWrapper(
                    io.FileIO(2, "w"), "utf-8", errors="backslashreplace", write_through=True
                )
                try:
                    code = act(command, words)
                except SystemExit as end:
                    code = end.code if isinstance(end.code, int) else 1
                except BaseException:
                    sys.excepthook(*sys.exc_info())
                sys.stdout.flush()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="surrogateescape"))
    return os.waitstatus_to_exitcode(status), texts[0], texts[1]


def problems(command: str, words: Sequence[str], seen: tuple[int, str, str]) -> Iterator[str]:
    """Yield what a command did that it must not do."""
    code, out, err = seen
    if code not in (0, 1, 2):
        yield f"exit code {code}"
    for text in ("Traceback", "usage: "):
        if text in err:
            yield f"{text} on stderr"
    if any(not each.isprintable() for each in (out + err).replace("\n", "")):
        yield "control characters"
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    directories = max(1, len(words)) if command in ("resume", "sync") else 1
    if code in (1, 2) and not 1 <= len(told) <= directories:
        yield f"{len(told)} lines of errors"
    if code == 0 and told:
        yield "an error, and exit code 0"


def execute_small(
    really: Callable[..., Any], config: RunConfig, directory: Path, *more: Any
) -> Any:
    """Play the run if it is a quick one; else end, as if it had been played."""
    game = config.game
    quick = config.learner.name == "npg" and config.max_local_steps * config.num_seeds < 10
    return really(config, directory, *more) if quick and game.agents <= 12 else sys.exit(0)


def main() -> int:
    """Return 0 if every command took every line well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=WORDS, help="one command")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    wandb_logger._start = lambda *_: NoRun()  # type: ignore[assignment]
    wandb_server._reasons.append("there is no server here")
    session.execute = functools.partial(execute_small, execute)  # type: ignore[assignment]
    paper.jobs_of_experiment = lambda *_: []  # there are hundreds
    paper.run_jobs = lambda *_: sys.exit("a figure was computed")  # type: ignore[assignment]
    told, codes, slowest = Counter[str](), Counter[int](), 0.0
    with tempfile.TemporaryDirectory() as name:
        whole, folder = Path(name) / "whole", Path(name) / "tried"
        make_folder(whole)
        # What every child would load anew.
        for each in WORDS:
            if each:
                importlib.import_module(COMMANDS[each].module)
        with contextlib.redirect_stdout(io.StringIO()):
            compare.compare([whole / "tabular"], whole)
        for _ in range(arguments.lines):
            command, words = line_of(rng)
            if arguments.only is not None and command != arguments.only:
                continue
            shutil.rmtree(folder, ignore_errors=True)
            copy(whole, folder)
            began = time.monotonic()
            seen = observed(command, words, folder)
            slowest = max(slowest, time.monotonic() - began)
            codes[seen[0]] += 1
            for problem in problems(command, words, seen):
                told[command] += 1
                typed = ascii([command, *words])
                print(f"{problem}: {typed:.400}: {seen[1][-200:]!a} {seen[2][-600:]!a}", flush=True)
    print(
        f"{codes.total()} command lines, {told.total()} taken badly; exit codes "
        f"{dict(sorted(codes.items()))}; slowest {slowest:.1f} s"
    )
    return min(told.total(), 1)


def copy(whole: Path, folder: Path) -> None:
    """Copy what the command lines name; a pipe cannot be copied."""
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("pipe"))
    os.mkfifo(folder / "pipe")


if __name__ == "__main__":
    sys.exit(main())
