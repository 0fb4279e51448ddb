"""Damages files of runs, and lets every command read them: `damage_test.py --mutations 2000`.

Each trial changes one file of a finished or an unfinished run, at random or with an aim, and runs
one command on it. The command must end within a minute with exit code 0, 1 or 2, with no
traceback and no control character. Where it ends with 0, what it printed, or the files that it
left, must be those of the undamaged run: no number may change unnoticed.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from marl_comm import compare, evaluate, resume, sync, wall_clock
from marl_comm.command_line.composition import compose
from marl_comm.command_line.exits import report
from marl_comm.config.run import RunConfig
from marl_comm.loggers import wandb as wandb_logger
from marl_comm.runs import sweep
from marl_comm.runs.session import execute
from marl_comm.storage import checkpoints

LONGEST = 60  # seconds of a command
RESULTS = ("config.yaml", "metrics.jsonl", "final.npz", "summary.json")
SETTINGS = ("logger=local", "num_seeds=2", "checkpoint_seconds=1e-9", "max_local_steps=6")
KINDS = {
    "tabular": (
        "game.agents=2",
        "game.actions=3",
        "samples_per_round=20",
        "metrics.gap_thresholds=[0.3,0.01]",
    ),
    "mappo": (
        "game=mpe/simple_spread",
        "algorithm=importance_sampling",
        "communication=periodic",
        "game.copies=2",
        "game.evaluation_copies=2",
    ),
}
ODD_NUMBERS = ("1e330", "-3", "true", "9" * 6000, "0x" + "f" * 6000, ".nan", "[1, 2]", "{}", "null")
ODD_TEXTS = (
    '"\\ud800"',
    '"$\\\\frac{"',
    '"[/red]"',
    '"\\e[31mred"',
    "&a [*a]",
    "!!python/object/apply:os.system [touch /tmp/owned]",
    "${oc.env:HOME}",
    "2020-01-01",
    '"' + "x" * 5000 + '"',
)


class HangError(BaseException):
    """A command took too long."""


class EndedError(Exception):
    """A run was broken off on purpose."""


class NoRun:
    """Stands for W&B's run, which is not what is tried here, and takes a second to start."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Take any call."""
        return lambda *_, **__: None


# --- what is damaged ----------------------------------------------------------------------------


def make_runs(scratch: Path) -> dict[tuple[str, bool], RunConfig]:
    """Make a finished and an unfinished run of each kind; return configurations by kind."""
    made = {}
    for kind, overrides in KINDS.items():
        config = compose(*SETTINGS, *overrides)
        with contextlib.redirect_stderr(io.StringIO()):
            execute(config, folder(scratch, kind, finished=True))
            save = checkpoints.Checkpoints.save

            def save_and_end(self: Any, step: int, state: Any, save: Any = save) -> None:
                save(self, step, state)
                if step == 4:
                    raise EndedError

            checkpoints.Checkpoints.save = save_and_end  # type: ignore[method-assign]
            with contextlib.suppress(EndedError):
                execute(config, folder(scratch, kind, finished=False))
            checkpoints.Checkpoints.save = save  # type: ignore[method-assign]
        made[kind, True] = made[kind, False] = config
    return made


def folder(scratch: Path, kind: str, *, finished: bool) -> Path:
    """Return where an undamaged run lies."""
    return scratch / f"{kind}_{'finished' if finished else 'unfinished'}"


def damage(file: Path, rng: random.Random, other: Path) -> str:
    """Change a file, or what is in its place; return how."""
    how = rng.choice([*DAMAGES])
    DAMAGES[how](file, rng, other)
    return how


def of_bytes(change: Callable[[bytearray, random.Random], bytes | bytearray]) -> Any:
    """Return a damage that changes the content."""

    def act(file: Path, rng: random.Random, _: Path) -> None:
        file.write_bytes(change(bytearray(file.read_bytes()), rng))

    return act


def in_place(make: Callable[[Path], None]) -> Any:
    """Return a damage that puts something else in the file's place."""

    def act(file: Path, _: random.Random, __: Path) -> None:
        file.unlink()
        make(file)

    return act


def _flip(content: bytearray, rng: random.Random) -> bytearray:
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def _cut(content: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(content) + 1)
    del content[start : start + rng.randrange(1, 200)]
    return content


def _zeros(content: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(content) + 1)
    size = len(content[start : start + 300])
    content[start : start + size] = bytes(size)
    return content


def _digit(content: bytearray, rng: random.Random) -> bytearray:
    digits = [i for i, byte in enumerate(content) if chr(byte).isdigit()]
    if digits:
        content[rng.choice(digits)] = ord(str(rng.randrange(10)))
    return content


def _value(content: bytearray, rng: random.Random) -> bytes:
    """Replace a value of YAML or JSON by an odd one."""
    text = content.decode(errors="surrogateescape")
    places = list(re.finditer(r"(?<=: )[^\n,}]+", text))
    if places:
        place = rng.choice(places)
        text = text[: place.start()] + rng.choice(ODD_NUMBERS + ODD_TEXTS) + text[place.end() :]
    return text.encode(errors="surrogateescape")


def _lines(content: bytearray, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    line = rng.randrange(len(lines)) if lines else 0
    what = rng.choice(["drop", "twice", "swap"])
    if what == "drop":
        del lines[line : line + 1]
    elif what == "twice":
        lines[line:line] = lines[line : line + 1]
    elif lines:
        lines[0], lines[line] = lines[line], lines[0]
    return b"".join(lines)


def _aliases(content: bytearray, rng: random.Random) -> bytes:
    bomb = b"a0: &a0 [x, x]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 30)
    )
    return bomb + bytes(content)


def _deep(content: bytearray, rng: random.Random) -> bytes:
    return b"[" * rng.choice([50, 100_000]) + bytes(content)


def _other(file: Path, rng: random.Random, other: Path) -> None:
    """Take the file of another run instead."""
    name = file.relative_to(file.parents[1] if file.parent.name == "checkpoints" else file.parent)
    if (other / name).exists():
        shutil.copy(other / name, file)


def _nonsense(file: Path, rng: random.Random, _: Path) -> None:
    """Put nonsense into a checkpoint, under a digest that is right."""
    if file.suffix != ".bin":
        file.write_bytes(b"")
        return
    state = checkpoints.decode(file.read_bytes()[32:])
    payload = checkpoints.encode(_mangled(state, rng, [rng.randrange(60)]))
    file.write_bytes(hashlib.sha256(payload).digest() + payload)


def _mangled(value: Any, rng: random.Random, left: list[int]) -> Any:
    """Return a state in which one entry is another one."""
    left[0] -= 1
    if left[0] == 0:
        return rng.choice([None, "text", [], {}, -1, 1e300, True, [[1]], {"a": 1}])
    if isinstance(value, dict):
        return {key: _mangled(entry, rng, left) for key, entry in value.items()}
    if isinstance(value, list):
        return [_mangled(entry, rng, left) for entry in value]
    return value


DAMAGES: dict[str, Callable[[Path, random.Random, Path], None]] = {
    "flip": of_bytes(_flip),
    "cut": of_bytes(_cut),
    "truncate": of_bytes(lambda content, rng: content[: rng.randrange(len(content) + 1)]),
    "append": of_bytes(lambda content, rng: content + rng.randbytes(50)),
    "zeros": of_bytes(_zeros),
    "zeros at the end": of_bytes(lambda content, rng: content + bytes(500)),
    "digit": of_bytes(_digit),
    "value": of_bytes(_value),
    "lines": of_bytes(_lines),
    "noise": of_bytes(lambda content, rng: rng.randbytes(rng.randrange(500))),
    "aliases": of_bytes(_aliases),
    "deep": of_bytes(_deep),
    "another run's": _other,
    "nonsense": _nonsense,
    "missing": in_place(lambda file: None),
    "link": in_place(lambda file: file.symlink_to("/etc/passwd")),
    "endless link": in_place(lambda file: file.symlink_to("/dev/zero")),
    "link to itself": in_place(lambda file: file.symlink_to(file.name)),
    "pipe": in_place(lambda file: os.mkfifo(file)),
    "directory": in_place(lambda file: file.mkdir()),
}

# --- what reads it ------------------------------------------------------------------------------


def commands(scratch: Path, config: RunConfig) -> dict[str, Callable[[Path], int]]:
    """Return what is run on a directory, by name; each returns an exit code."""

    def of(main: Callable[[], int], *arguments: str) -> Callable[[Path], int]:
        def act(directory: Path) -> int:
            sys.argv = ["command", str(directory), *arguments]
            return main()

        return act

    def job(directory: Path) -> int:
        try:
            sweep.plan(directory.parent, {directory.name: sweep.SweepJob(config, ())})
            sweep.play_job(config, directory)
        except Exception as error:
            return report(error)
        finally:
            sweep.close()
        return 0

    return {
        "resume": of(resume.main),
        "compare": of(compare.main, "--out", str(scratch / "pictures")),
        "wall_clock": of(wall_clock.main, "return=-1000")
        if config.game.name != "coverage"
        else of(wall_clock.main),
        "evaluate": of(evaluate.main, "--episodes", "1"),
        "sync": of(sync.main, "--mode", "offline"),
        "sweep": job,
    }


def observed(act: Callable[[Path], int], directory: Path) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of a command."""

    def hang(*_: object) -> None:
        raise HangError

    out, err = io.StringIO(), io.StringIO()
    signal.signal(signal.SIGALRM, hang)
    signal.alarm(LONGEST)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = act(directory)
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
    finally:
        signal.alarm(0)
    return code, out.getvalue(), err.getvalue()


def problems(
    name: str, seen: tuple[int, str, str], whole: tuple[int, str, str], left: Any, wanted: Any
) -> Iterator[str]:
    """Yield what a command did that it must not do."""
    code, out, err = seen
    if "Traceback" in err or code not in (0, 1, 2):
        yield f"exit code {code}: {err[-1500:]}"
    if any(not each.isprintable() for each in (out + err).replace("\n", "")):
        yield f"control characters: {(out + err)!r:.600}"
    if code != 0 and "error: " not in err:
        yield f"exit code {code} without a word: {err:.300}"
    if code == 0 and name in ("compare", "wall_clock", "evaluate") and out != whole[1]:
        yield f"another output: {out:.600} instead of {whole[1]:.600}"
    if code == 0 and name in ("resume", "sweep") and values(left) != values(wanted):
        yield f"other results in {[each for each in wanted if left.get(each) != wanted[each]]}"


def values(found: dict[str, bytes]) -> dict[str, Any]:
    """Return results as they are read: in a summary the order of lines says nothing."""
    summary = found.get("summary.json")
    return found if summary is None else {**found, "summary.json": json.loads(summary)}


def results(directory: Path) -> dict[str, bytes]:
    """Return the results that a directory holds."""
    files = [directory / name for name in RESULTS]
    return {
        file.name: file.read_bytes() for file in files if file.is_file() and not file.is_symlink()
    }


def main() -> int:
    """Return 0 if every command took every damage well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS, help="one kind of run")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    wandb_logger._start = lambda *_: NoRun()
    told, codes, slowest = Counter[str](), Counter[int](), 0.0
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        runs = make_runs(scratch)
        whole: dict[Any, tuple[int, str, str]] = {}
        directory = scratch / "tried" / "run"
        for _ in range(arguments.mutations):
            kind = arguments.only or rng.choice([*KINDS])
            finished = rng.random() < 0.5
            acts = commands(scratch, runs[kind, finished])
            command = rng.choice([*acts])
            source = folder(scratch, kind, finished=finished)
            other = folder(scratch, "mappo" if kind == "tabular" else "tabular", finished=finished)
            reference = results(folder(scratch, kind, finished=True))
            if (kind, finished, command) not in whole:
                shutil.copytree(source, directory)
                whole[kind, finished, command] = observed(acts[command], directory)
                shutil.rmtree(directory.parent)
            shutil.copytree(source, directory)
            files = sorted(file for file in directory.rglob("*") if file.is_file())
            file = rng.choice(files)
            how = damage(file, rng, other)
            began = time.monotonic()
            where = f"{how} {file.relative_to(directory)} of {source.name}, {command}"
            # Whoever forges a digest as well may change what he likes: only the manners count.
            forged = how == "nonsense" and file.suffix == ".bin"
            try:
                seen = observed(acts[command], directory)
                left = reference if forged else results(directory)
                found = [*problems(command, seen, whole[kind, finished, command], left, reference)]
            except HangError:
                found = [f"took more than {LONGEST} seconds"]
            except Exception as error:
                found = [f"raised {type(error).__name__}: {error}"]
            codes[seen[0]] += 1
            slowest = max(slowest, time.monotonic() - began)
            for problem in found:
                told[command] += 1
                print(f"{where}: {problem}", flush=True)
            shutil.rmtree(directory.parent)
    print(
        f"{arguments.mutations} damages, {told.total()} taken badly; exit codes "
        f"{dict(sorted(codes.items()))}; slowest command {slowest:.1f} s"
    )
    return min(told.total(), 1)


if __name__ == "__main__":
    sys.exit(main())
