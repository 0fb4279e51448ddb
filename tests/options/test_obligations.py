"""Options that leave something out: a line at start, an error of mypy, never a default."""

import re
import subprocess
import sys
from pathlib import Path

import console
import extending_page
import pytest

from marl_comm.errors import InputError
from marl_comm.options import found
from marl_comm.options.answers import AlgorithmSettings, CommunicationSettings, GameSettings, Option

ROOT = Path(__file__).parents[2]

GAME = extending_page.file_inside()

ALGORITHM = '''\
"""An algorithm."""

from collections.abc import Iterator
from typing import Any, Literal, final

from marl_comm.algorithms.algorithm import Algorithm, TabularAlgorithm
from marl_comm.algorithms.networks import NetworkAlgorithm
from marl_comm.arrays import IntArray
from marl_comm.experience import BasePolicies
from marl_comm.learners.learner import TabularLearner
from marl_comm.options.answers import AlgorithmSettings, RunSettings


@final
class MineSettings(AlgorithmSettings):
    """Mine."""

    name: Literal["mine"]

    @property
    def most_bases(self) -> int:
        return 1

    @property
    def predicts(self) -> bool:
        return False

    @property
    def one_large_update(self) -> bool:
        return False

    @property
    def asks_the_game(self) -> bool:
        return False

    def problems(self, run: RunSettings) -> Iterator[str]:
        yield from ()

    def for_tables(self, run: RunSettings) -> TabularAlgorithm:
        return Mine()

    def for_networks(self, run: RunSettings) -> NetworkAlgorithm:
        raise NotImplementedError


@final
class Mine(Algorithm[TabularLearner, BasePolicies]):
    """Mine."""

    @property
    def reweighs(self) -> bool:
        return True

    def plan(self, learner: TabularLearner, rows: IntArray) -> BasePolicies:
        return BasePolicies.current(learner.log_policy[rows])

    def keep(self, rows: IntArray) -> None: ...

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None: ...
'''

SCHEDULE = '''\
"""A schedule."""

from collections.abc import Iterator
from typing import Literal, final

import numpy as np

from marl_comm.arrays import BoolArray
from marl_comm.communication.schedule import Clock, Data, Schedule
from marl_comm.options.answers import CommunicationSettings, RunSettings
from marl_comm.randomness import Streams


@final
class MineSettings(CommunicationSettings):
    """Mine."""

    name: Literal["mine"]

    @property
    def every_update(self) -> bool:
        return False

    @property
    def longest_round(self) -> int:
        return 7

    @property
    def ends_by_itself(self) -> bool:
        return False

    @property
    def draws(self) -> bool:
        return False

    def expected_rounds(self, local_updates: int) -> float:
        return local_updates / 7

    @property
    def first_rounds(self) -> int | None:
        return None

    def problems(self, run: RunSettings) -> Iterator[str]:
        yield from ()

    def schedule(self, streams: Streams) -> Schedule:
        return Mine()


@final
class Mine(Schedule):
    """Mine."""

    def due(self, clock: Clock, data: Data) -> BoolArray:
        return np.asarray(clock.updates >= 7)
'''

KINDS = {
    "game": (GAME, GameSettings, "stag_hunt"),
    "algorithm": (ALGORITHM, AlgorithmSettings, "mine"),
    "communication": (SCHEDULE, CommunicationSettings, "mine"),
}
METHOD = re.compile(r"(?:    @\w+\n)*    def (\w+)\(")
NO_OBLIGATION = ("__init__",)


def obligations(text: str) -> list[str]:
    return [name for name in METHOD.findall(text) if name not in NO_OBLIGATION]


def without(text: str, left_out: str) -> str:
    """Return a file without a method, a class's @final, or its name."""
    if left_out == "name":
        return re.sub(r"    name: (Literal.*)", r"    other: \1", text)
    if left_out == "@final":
        return text.replace("@final\n", "")
    starts = [match.start() for match in METHOD.finditer(text)]
    (start,) = [at for at in starts if METHOD.match(text, at)[1] == left_out]
    end = re.search(r"\n\n(?=    @|    def )|\n\n\n|\Z", text[start:]).end() + start
    return text[:start] + text[end:]


CASES = [
    (kind, left_out)
    for kind, (text, *_) in KINDS.items()
    for left_out in [*obligations(text), "@final"]
]


def options_in(place: Path, group: type[Option], text: str, monkeypatch: pytest.MonkeyPatch):
    """Return the options of a group if its only folder has one file with this text."""
    (place / "strangers").mkdir()
    (place / "strangers" / "__init__.py").touch()
    (place / "strangers" / "mine.py").write_text(text)
    monkeypatch.syspath_prepend(place)
    monkeypatch.setitem(found._PLACES, group, ("strangers",))
    try:
        return found.options_of.__wrapped__(group)
    finally:
        for name in ("strangers", "strangers.mine"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_complete_file_is_an_option(kind, tmp_path, monkeypatch) -> None:
    text, group, name = KINDS[kind]
    (option,) = options_in(tmp_path, group, text, monkeypatch)
    assert found.name_of(option) == name


@pytest.mark.parametrize(("kind", "left_out"), CASES)
def test_what_a_file_leaves_out_is_refused_in_one_line(
    kind, left_out, tmp_path, monkeypatch
) -> None:
    text, group, name = KINDS[kind]
    with pytest.raises(InputError) as refused:
        options_in(tmp_path, group, without(text, left_out), monkeypatch)
    line = str(refused.value)
    assert "\n" not in line
    if left_out == "@final":
        assert "is not marked @final" in line
        assert name in line
    else:
        assert f"leaves out {left_out}; " in line


def test_the_obligations_are_those_that_the_page_and_the_interfaces_name() -> None:
    assert len(CASES) >= 25
    assert {"rewards", "marginal_rewards", "numbers", "problems", "arrays", "rules"} <= {
        left_out for kind, left_out in CASES if kind == "game"
    }


PLACES = {
    "game": "marl_comm/games/one_shot",
    "algorithm": "marl_comm/algorithms",
    "communication": "marl_comm/communication",
}


@pytest.mark.parametrize(
    ("kind", "left_out", "words"),
    [
        ("game", "marginal_rewards", "leaves out marginal_rewards"),
        ("algorithm", "predicts", "the option mine: the class MineSettings"),
        ("communication", "draws", "leaves out draws"),
        ("communication", "name", "communication=mine: must be one of"),
    ],
)
@pytest.mark.parametrize("by", ["-m marl_comm.run", "marl-comm run"])
def test_at_start_the_line_is_all_there_is(kind, left_out, words, by, tmp_path) -> None:
    from test_extending_page import copy_of_the_package

    copy = copy_of_the_package(tmp_path / "copy")
    text, _, name = KINDS[kind]
    (copy / PLACES[kind] / "mine.py").write_text(without(text, left_out))
    start = [console.write_script(tmp_path), "run"] if by == "marl-comm run" else None
    ended = subprocess.run(
        [*(start or [sys.executable, *by.split()]), f"{kind}={name}"],
        cwd=tmp_path,
        env={**console.environment(), "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("error: ")
    assert len(ended.stderr.splitlines()) == 1
    assert words in ended.stderr
    assert not (tmp_path / "outputs").exists()


def test_mypy_sees_what_is_left_out_and_passes_the_page(tmp_path: Path) -> None:
    """One run over the page's files, complete options, and options that each lack one method."""
    files = extending_page.write_files(tmp_path)
    (files / "walkers.py").unlink()  # pettingzoo has no types
    complete = []
    for kind, (text, *_) in KINDS.items():
        complete.append(f"complete_{kind}.py")
        (files / complete[-1]).write_text(text)
    lacking = [(kind, left_out) for kind, left_out in CASES if left_out != "@final"]
    for kind, left_out in lacking:
        (files / f"{kind}_without_{left_out}.py").write_text(without(KINDS[kind][0], left_out))
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, sorted(files.glob("*.py")))],
        cwd=ROOT,
        env={**console.environment(), "MYPYPATH": f"{ROOT}:{files}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    told = {Path(line.split(":")[0]).name for line in ended.stdout.splitlines() if "error" in line}
    told.discard(ended.stdout.splitlines()[-1])
    assert {f"{kind}_without_{left_out}.py" for kind, left_out in lacking} <= told
    assert not told & {*complete, *extending_page.FILES}
