"""Any command line whatever, through the command itself: a run, or one line and exit code 2.

MARL_COMM_FUZZ=1000 python -m pytest tests/test_run_fuzz.py   (about ten minutes)
"""

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from new_process import as_in_a_new_process
from test_config_fuzz import HYDRA_KEYS, command_lines, likely, odd_values

from marl_comm import run
from marl_comm.config.run import RunConfig
from marl_comm.runs import session

EXAMPLES = int(os.environ.get("MARL_COMM_FUZZ", "30"))
QUICK = ("max_local_steps=1", "logger=local")
LARGEST = 200_000  # agents x actions x samples x seeds of a run that is really played
DIRECTORIES = [key for key in HYDRA_KEYS if key.endswith(".dir")]

really_execute = session.execute


def execute_small(config: RunConfig, directory: Path, *more: Any) -> Any:
    """Play the run if it is a quick one, else only claim that it was played."""
    game = config.game
    if config.learner.name == "npg":
        steps = config.samples_per_round or 1
        size = game.agents * game.actions * steps * config.num_seeds * getattr(game, "states", 1)
        if size <= LARGEST and game.agents**game.actions <= LARGEST:
            return really_execute(config, directory, *more)
    return 0.0


def typed_and_told(arguments: list[str], folder: Path) -> tuple[int, str]:
    """Return the exit code of the command in a folder, and what it wrote to stderr."""
    told = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with (
        as_in_a_new_process(),
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stderr(told),
        contextlib.redirect_stdout(said),
        contextlib.chdir(folder),
    ):
        patch.setattr(sys, "argv", ["marl_comm.run", *arguments])
        patch.setattr(session, "execute", execute_small)
        patch.setattr(run, "closing_lines", lambda directory: [])  # of what was only claimed
        code = run.main()
    told.flush()
    return code, told.buffer.getvalue().decode()


@contextlib.contextmanager
def answered(arguments: list[str]) -> Iterator[tuple[int, str, Path]]:
    """Yield the command's exit code, what it told, and its folder, beside which is nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "here"
        folder.mkdir()
        code, told = typed_and_told(arguments, folder)
        assert "Traceback" not in told
        assert code in (0, 2), (code, told)
        assert {path.name for path in Path(scratch).iterdir()} == {"here"}
        yield code, told, folder


def check(arguments: list[str], directory: str) -> None:
    with answered(arguments) as (code, told, folder):
        written = {path.name for path in folder.iterdir()}
        if code == 0:
            assert written <= {directory}
        else:
            assert not written
            line = told.removesuffix("\n")
            assert line.startswith("error: ")
            assert line.isprintable()
            assert len(line) < 2000


def harmless(typed: list[str]) -> bool:
    """Whether results stay where the last override puts them, and no flag asks for help."""
    return not any(text.startswith("-") or "hydra.mode" in text for text in typed)


@settings(max_examples=EXAMPLES, deadline=None)
@given(command_lines)
def test_any_command_line_is_a_run_or_one_line(typed: list[str]) -> None:
    assume(harmless(typed))
    check([*typed, *QUICK, "hydra.run.dir=run"], "run")


@settings(max_examples=EXAMPLES // 6, deadline=None)
@given(st.lists(likely, max_size=3), st.sampled_from(["seed=1,2", "seed=1", "num_seeds=1,0"]))
def test_any_sweep_is_played_or_refused_in_one_line(typed: list[str], swept: str) -> None:
    assume(harmless(typed))
    check(["-m", *typed, *QUICK, swept, "hydra.sweep.dir=sweep"], "sweep")


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(st.sampled_from(DIRECTORIES), odd_values)
def test_any_directory_is_used_or_refused_in_one_line(key: str, value: str) -> None:
    """Names of one part only: others may rightly lead elsewhere."""
    assume("/" not in value and ".." not in value and "$" not in value)
    arguments = [*QUICK, "samples_per_round=10", f"{key}={value}"]
    with answered(arguments) as (code, told, folder):
        assert all(path.is_dir() for path in folder.iterdir())
        if code == 2:
            assert told.startswith("error: ")
            assert told.count("\n") == 1
            assert not list(folder.iterdir())


@pytest.mark.parametrize("empty", ["", "''", "' '"])
@pytest.mark.parametrize(
    ("sweep", "key"),
    [([], "run.dir"), (["-m"], "sweep.dir"), (["-m"], "sweep.subdir")],
)
def test_a_directory_without_a_name_is_refused(
    tmp_path: Path, sweep: list[str], key: str, empty: str
) -> None:
    (tmp_path / "here").mkdir()
    code, told = typed_and_told([*sweep, *QUICK, f"hydra.{key}={empty}"], tmp_path / "here")
    assert code == 2
    assert told.startswith("error: ")
    assert f"hydra.{key}=" in told
    assert told.count("\n") == 1
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.parametrize("name", ["a/b", "..", "plan", "same"])
def test_jobs_need_folders_of_their_own(tmp_path: Path, name: str) -> None:
    (tmp_path / "here").mkdir()
    arguments = ["-m", *QUICK, "seed=1,2", f"hydra.sweep.subdir={name}", "hydra.sweep.dir=sweep"]
    code, told = typed_and_told(arguments, tmp_path / "here")
    assert code == 2
    assert told.count("\n") == 1
    assert f"hydra.sweep.subdir={name}: " in told
    assert not list((tmp_path / "here").iterdir())
