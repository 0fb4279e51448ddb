"""The entry point: exit codes, what it prints, what it writes, and what it leaves alone."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hydra.experimental.callback import Callback
from hypothesis import given
from hypothesis import strategies as st

from marl_comm import run
from marl_comm.command_line import exits
from marl_comm.command_line.jobs import name_of
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError, OutputError

Started = list[tuple[RunConfig, Path]]
QUICK = ["logger=local", "max_local_steps=3", "samples_per_round=20"]


class Seen(Callback):
    """Takes note of what jobs return to Hydra."""

    returned: list[float] = []  # noqa: RUF012

    def on_job_end(self, config: Any, job_return: Any, **kwargs: Any) -> None:
        self.returned.append(job_return.return_value)


@pytest.fixture(autouse=True)
def _in_an_empty_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_process: None
) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Runs are taken note of instead of played; they claim their directory as real ones do."""
    runs: Started = []

    def execute(config: RunConfig, directory: Path, *more: object) -> float:
        runs.append((config, directory))
        (directory / "config.yaml").touch(exist_ok=False)
        return 0.25

    _replace_session(monkeypatch, execute)
    return runs


def _replace_session(monkeypatch: pytest.MonkeyPatch, execute: Callable[..., float]) -> None:
    session = ModuleType("marl_comm.runs.session")
    session.execute = execute  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "marl_comm.runs.session", session)
    # Of what was only claimed there is nothing to tell.
    monkeypatch.setattr(run, "closing_lines", lambda directory: [])


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["marl_comm.run", *arguments])
    return run.main()


def content(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of change of every file, time of change of every directory."""
    return {
        str(path.relative_to(directory)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mtime_ns,
        )
        for path in [directory, *directory.rglob("*")]
    }


BAD_COMMANDS = [
    "seed=x",
    "game.agnets=3",
    "game=chess",
    "game=null",
    "learner.step_size=nan",
    "communication=unlimited",
    "seed=${nope}",
    "seed=[",
    "seed=1,2",
    "",
    "--nonsense",
    "--cfg nonsense",
    "-m --run",
    "--resolve",
    "--config-name nonsense",
    "--config-dir nonsense",
    "hydra.run.dir=${nope}",
    "hydra.run.dir=null",
    "hydra.run.dir=/proc/nonsense",
    "hydra.verbose=3",
    "hydra.mode=nonsense",
    "hydra/launcher=nonsense",
    "hydra=3",
    "-m seed=1,2,x",
    "-m game=[congestion],coverage",
    "-m seed=interval(0,1)",
    "-m seed=range(1000000000)",
    "-m algorithm=importance_sampling,full_communication communication=adaptive",
    "-m hydra.sweep.dir=${nope}",
]


@pytest.mark.parametrize("typed", BAD_COMMANDS)
def test_bad_input_takes_one_line_and_leaves_nothing_behind(
    typed: str,
    started: Started,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    assert command(monkeypatch, *(typed.split() or [""])) == 2
    printed = capsys.readouterr()
    assert re.fullmatch(r"error: \S[^\n]+\n", printed.err)
    assert printed.out == ""
    assert started == []
    assert list(tmp_path.iterdir()) == []


def test_flags_as_other_programs_have_them_are_met_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "--seed", "3") == 2
    assert "settings are typed key=value" in capsys.readouterr().err


def test_the_process_itself_ends_so() -> None:
    ended = _process("game.agents=1000000000")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(r"error: game\.agents=1000000000: must be [^\n]+\n", ended.stderr)


def test_tracebacks_are_for_those_who_ask() -> None:
    ended = _process("game.agents=0", HYDRA_FULL_ERROR="1")
    assert ended.returncode == 2
    assert ended.stderr.startswith("Traceback")
    assert "ValidationError" in ended.stderr


def test_nothing_heavy_is_imported_before_the_command_is_checked() -> None:
    heavy = "{'torch', 'wandb', 'matplotlib', 'scipy', 'pandas', 'pettingzoo'}"
    check = f"import marl_comm.run, sys; sys.exit(repr({heavy} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert ended.stderr.strip() == "set()"


def _process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marl_comm.run", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_a_run_gets_its_configuration_and_a_new_directory(
    started: Started, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arguments = ["game=congestion", "seed=3", "algorithm=stale"]
    assert [command(monkeypatch, *arguments) for _ in range(3)] == [0, 0, 0]
    configs, directories = zip(*started, strict=True)
    assert configs[0].game.name == "congestion"
    assert configs[0].seed == 3
    assert [config.logger.group for config in configs] == [None, None, None]
    assert len(set(directories)) == 3
    for directory in directories:
        assert directory.parent == tmp_path / "outputs" / "congestion-stale-adaptive"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.\d{6}", directory.name)
        assert [path.name for path in directory.iterdir()] == ["config.yaml"]


def test_values_may_refer_to_hydras_settings(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(monkeypatch, "logger.run_name=${hydra:job.name}") == 0
    assert started[0][0].logger.model_dump()["run_name"] == "marl_comm"


def test_the_objective_reaches_hydra(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    Seen.returned.clear()
    callback = f"+hydra.callbacks.seen._target_={__name__}.Seen"
    assert command(monkeypatch, callback) == 0
    assert Seen.returned == [0.25]


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [
        (InputError("seed=1: no"), 2, "error: seed=1: no\n"),
        (OutputError("the disk is full"), 1, "error: the disk is full\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_errors_of_a_run_take_one_line(
    error: BaseException,
    code: int,
    printed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def execute(config: RunConfig, directory: Path, *more: object) -> float:
        raise error

    _replace_session(monkeypatch, execute)
    assert command(monkeypatch) == code
    assert capsys.readouterr().err == printed


def test_defects_show_where_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def execute(config: RunConfig, directory: Path, *more: object) -> float:
        raise ZeroDivisionError

    _replace_session(monkeypatch, execute)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    assert command(monkeypatch) == 1
    assert capsys.readouterr().err.startswith("Traceback")
    assert "HYDRA_FULL_ERROR" not in os.environ
    assert exits.SET_BY_PROGRAM not in os.environ


def test_a_directory_with_a_run_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    here = f"hydra.run.dir={tmp_path / 'run'}"
    assert command(monkeypatch, *QUICK, here) == 0
    before = content(tmp_path)
    assert "run/summary.json" in before
    capsys.readouterr()
    assert command(monkeypatch, *QUICK, here, "seed=1") == 2
    told = r"error: [^\n]+ has seed=0, and this run would have seed=1; choose [^\n]+\n"
    assert re.fullmatch(told, capsys.readouterr().err)
    assert content(tmp_path) == before


def test_jobs_of_a_sweep_have_their_own_directories(
    started: Started, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long_tags = ",".join(60 * letter for letter in "abcd")
    arguments = ["-m", "seed=0,1", 'logger.project="é[]",b', f"logger.tags=[{long_tags}],[]"]
    assert command(monkeypatch, *arguments) == 0
    loggers = [config.logger.model_dump() for config, _ in started]
    assert [logger["project"] for logger in loggers] == 2 * ["é[]", "é[]", "b", "b"]
    assert [len(logger["tags"]) for logger in loggers] == 4 * [4, 0]
    directories = [directory for _, directory in started]
    assert len(set(directories)) == 8
    assert len({directory.parent for directory in directories}) == 1
    sweep = directories[0].parent
    assert sweep.parent == tmp_path / "outputs" / "sweeps"
    assert {logger["group"] for logger in loggers} == {sweep.name}
    assert re.fullmatch(r"seed=0,logger\.project=b,logger\.tags=_-[0-9a-f]{8}", directories[3].name)
    assert sorted(path.name for path in sweep.iterdir()) == sorted(
        [*(directory.name for directory in directories), "multirun.yaml", "plan"]
    )


def test_a_failing_job_is_told_at_once_and_does_not_end_the_sweep(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played: list[int] = []
    errors = {0: OutputError("the disk is full"), 2: ZeroDivisionError()}

    def execute(config: RunConfig, directory: Path, *more: object) -> float:
        played.append(config.seed)
        if config.seed == 1:
            assert capsys.readouterr().err == "error: the disk is full\n"
        if config.seed in errors:
            raise errors[config.seed]
        return 0.0

    _replace_session(monkeypatch, execute)
    assert command(monkeypatch, "-m", "seed=0,1,2,3") == 1
    assert played == [0, 1, 2, 3]
    assert "ZeroDivisionError" in capsys.readouterr().err


@given(st.lists(st.text()))
def test_names_of_jobs_are_safe(overrides: list[str]) -> None:
    name = name_of(overrides)
    assert re.fullmatch(r"[A-Za-z0-9_.,=+-]{1,160}", name)
    assert name not in (".", "..")


@given(st.lists(st.text(alphabet="ab/é[],= ", max_size=150), min_size=1, max_size=1))
def test_names_tell_overrides_apart_that_only_look_alike(overrides: list[str]) -> None:
    alike = [text + "/" for text in overrides]
    assert name_of(overrides) != name_of(alike)


def test_help_names_groups_options_keys_and_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "--help") == 0
    printed = capsys.readouterr().out
    for words in (
        "usage: python -m marl_comm.run",
        "game: climbing, climbing_chain, congestion, coverage, gap, graph, jaxmarl, ",
        "communication: adaptive, changing_condition, missing, noise, own, periodic, unlimited",
        "ess_threshold: 0.5",
        "docs/configuration.md",
        "Exit codes",
    ):
        assert words in printed
    assert "$" not in re.sub(r"\$\{oc\.env:WANDB_MODE,offline\}", "", printed)


def test_own_options_are_found(
    started: Started, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own" / "game").mkdir(parents=True)
    (tmp_path / "own" / "game" / "mine.yaml").write_text(
        "{name: congestion, agents: 3, actions: 2, own_costs: 0, reward_noise: 0, seed: 1}"
    )
    assert command(monkeypatch, "--config-dir", "own", "game=mine") == 0
    assert started[0][0].game.agents == 3
    (tmp_path / "own" / "game" / "broken.yaml").write_text("name: [")
    assert command(monkeypatch, "--config-dir", "own", "game=broken") == 2
