"""The console script over all commands."""

import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
from console import ROOT, environment, write_script
from hydra._internal.utils import get_args_parser

from marl_comm.command_line.commands import COMMANDS
from marl_comm.command_line.main import main
from marl_comm.run import DRY_RUN

NAMES = list(COMMANDS)


def ended(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [write_script(directory), *arguments],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@cache
def help_of(directory: Path, name: str) -> str:
    process = ended(directory, name, "--help")
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("console")


def test_installers_write_the_script() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"marl-comm": "marl_comm.command_line.main:main"}


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_command_calls_it_as_it_was_called(directory: Path, name: str) -> None:
    text = help_of(directory, name)
    assert f"usage: marl-comm {name} " in text
    assert "python" not in text


@pytest.mark.parametrize("name", ["run", "resume", "compare", "evaluate", "sync", "wall_clock"])
def test_modules_are_called_as_ever(name: str) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", f"marl_comm.{name}", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"usage: python -m marl_comm.{name} " in printed
    assert "marl-comm" not in printed


@pytest.mark.parametrize("name", [name for name in NAMES if name != "run"])
def test_completion_offers_the_options_that_a_command_has(directory: Path, name: str) -> None:
    text = help_of(directory, name).partition("\noptions:")[2]
    options = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.MULTILINE)
    assert sorted(options) == sorted(COMMANDS[name].options)
    for option, values in COMMANDS[name].values.items():
        if option.startswith("-"):
            assert f"{option} {{{','.join(values)}}}" in text
    assert re.findall(r"^  (\w+=)", text, re.MULTILINE) == [*COMMANDS[name].words]


def test_completion_offers_the_flags_that_the_help_of_run_lists(directory: Path) -> None:
    flags = help_of(directory, "run").partition("== Flags ==")[2]
    run = COMMANDS["run"]
    assert {*re.findall(r"--[a-z-]+", flags), "--help"} == {*run.options}
    known = get_args_parser()._option_string_actions
    assert {*run.options} <= {*known, DRY_RUN}
    for option, values in run.values.items():
        assert known[option].nargs in (None, "?")  # it takes a value
        if known[option].choices is not None:
            assert known[option].choices == list(values)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--help") == 0
    printed = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.summary)}$", printed, re.MULTILINE)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--version") == 0
    assert capsys.readouterr().out == f"{version('marl_comm')}\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ([], "name a command: run, resume, .*"),
        (["rum"], r"'rum': unknown command, must be one of run, .* \(did you mean run\?\)"),
        (["wall_clock"], r".*\(did you mean wall-clock\?\)"),
        (["--nonsense"], "'--nonsense': unknown command, must be one of run, .*"),
        (["game=coverage"], ".*did you mean marl-comm run 'game=coverage'[?]"),
        (["a\nb\033"], r"'a\\nb\\x1b': unknown command, .*"),
        (["x" * 1000], "'x{77}...': unknown command, .*"),
    ],
)
def test_an_unknown_command_takes_one_line(
    typed: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(*typed) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(f"error: {said}\n", printed.err)


def called(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["marl-comm", *arguments])
        return main()


def test_codes_and_errors_of_a_command_reach_the_shell(directory: Path) -> None:
    process = ended(directory, "run", "game=chess")
    assert process.returncode == 2
    assert re.fullmatch(r"error: game=chess: must be one of [^\n]+\n", process.stderr)


def test_a_run_is_played_and_compared(directory: Path) -> None:
    quick = ["logger=local", "max_local_steps=3", "samples_per_round=20", "hydra.run.dir=played"]
    assert ended(directory, "run", *quick).returncode == 0
    process = ended(directory, "compare", "played", "--out", "pictures")
    assert process.returncode == 0, process.stderr
    assert (directory / "pictures" / "nash_gap.png").is_file()


@pytest.mark.parametrize("flag", ["--help", "--version", "nonsense"])
def test_the_script_itself_imports_nothing_heavy(flag: str) -> None:
    heavy = {"torch", "numpy", "hydra", "omegaconf", "pydantic", "matplotlib", "wandb", "rich"}
    code = (
        "import sys; from marl_comm.command_line.main import main; "
        f"sys.argv = ['marl-comm', '{flag}']; main(); "
        f"assert not {heavy} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


def test_the_page_on_commands_lists_them_as_the_help_does() -> None:
    page = (ROOT / "docs" / "commands.md").read_text().replace("`", "")
    rows = re.findall(r"^\| marl-comm (\S+) \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    assert {name: summary for name, summary, _ in rows} == {
        name: command.summary for name, command in COMMANDS.items()
    }
    for name, _, other in rows:
        module = other.removeprefix("python -m ")
        assert module == COMMANDS[name].module or (ROOT / other.removeprefix("python ")).is_file()
