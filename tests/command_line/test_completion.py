"""How overrides can go on, and what a real bash makes of it when TAB is pressed."""

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from console import environment, write_script

from marl_comm.command_line.completion import bash_script, overrides_after

BASH = shutil.which("bash") or "/bin/bash"


@pytest.mark.parametrize(
    ("typed", "answers"),
    [
        ("game=cove", ["game=coverage"]),
        ("game=mpe/simple_s", ["game=mpe/simple_speaker_listener", "game=mpe/simple_spread"]),
        ("logger=", ["logger=local", "logger=tensorboard", "logger=wandb"]),
        ("seed=3 num_s", ["num_seeds="]),
        ("num_seeds=", ["num_seeds=1"]),
        ("game=congestion game.ag", ["game.agents="]),
        ("+game.ag", []),
        ("game=chess game.ag", []),
        ("hydra.sweep.subdir=", ["hydra.sweep.subdir=defaults"]),
        # Values with spaces would have to be quoted.
        ("hydra.help.template=", []),
        ("-m logger=local algorithm=st", ["algorithm=stale"]),
        ("-m algorithm=stale,full", ["algorithm=stale,full_communication"]),
        ("-m game=coverage,mpe/simple_r", ["game=coverage,mpe/simple_reference"]),
    ],
)
def test_an_override_goes_on(typed: str, answers: list[str], new_process: None) -> None:
    assert overrides_after(f"marl-comm run {typed}") == answers


def test_after_a_space_come_groups_and_keys(new_process: None) -> None:
    answers = overrides_after("marl-comm run game=coverage ")
    assert {"algorithm", "communication=", "seed=", "metrics."} <= set(answers)


def test_options_of_the_users_own_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_process: None
) -> None:
    own = tmp_path / "own configs"
    (own / "game").mkdir(parents=True)
    (own / "game" / "mine.yaml").write_text("{name: congestion}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").symlink_to(own)
    assert overrides_after("marl-comm run --config-dir own game=mi") == ["game=mine"]


class Terminal:
    """A bash at a terminal, in which keys are pressed."""

    def __init__(self, directory: Path) -> None:
        (directory / "bin").mkdir()
        write_script(directory / "bin")
        ours, theirs = pty.openpty()
        self._terminal = ours
        self._shell = subprocess.Popen(
            [BASH, "--norc", "--noprofile", "-i"],
            cwd=directory,
            env={**environment(directory / "bin"), "TERM": "dumb", "COLUMNS": "500"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        # Control-X shows the line as it stands, Escape * types all that could follow.
        show = r"""bind -x '"\C-x": printf "\n<%s>\n" "$READLINE_LINE"'"""
        quiet = "bind 'set enable-bracketed-paste off'"
        (directory / "setup.bash").write_text(
            f'{show}\n{quiet}\neval "$(marl-comm completion bash)"\n'
        )
        os.write(self._terminal, b". setup.bash; stty columns 500; echo rea''dy\n")
        self._until(b"ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._terminal)

    def line_after(self, typed: str, key: str = "\t") -> str:
        """Return the line that typing and a key have left, and clear it."""
        os.write(self._terminal, f"{typed}{key}\x18".encode())
        shown = self._until(b">\r\n").rpartition(b"<")[2].partition(b">\r\n")[0]
        os.write(self._terminal, b"\x01\x0b")  # to the start of the line, and delete it
        return shown.decode()

    def all_after(self, typed: str) -> list[str]:
        """Return the words that a line could go on with."""
        return self.line_after(typed, "\x1b*").removeprefix(typed).split()

    def _until(self, sign: bytes) -> bytes:
        read, deadline = b"", time.monotonic() + 60
        while sign not in read:
            ready, _, _ = select.select([self._terminal], [], [], deadline - time.monotonic())
            assert ready, read
            read += os.read(self._terminal, 4096)
        return read


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    if not Path(BASH).exists():
        pytest.skip("bash is not installed")
    directory = tmp_path_factory.mktemp("terminal")
    (directory / "outputs" / "played here").mkdir(parents=True)
    (directory / "table.npz").touch()
    with Terminal(directory) as shell:
        yield shell


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("marl-comm comp", "marl-comm comp"),  # compare, or completion
        ("marl-comm compa", "marl-comm compare "),
        ("marl-comm wa", "marl-comm wall-clock "),
        ("marl-comm --v", "marl-comm --version "),
        ("marl-comm run game=cove", "marl-comm run game=coverage "),
        ("marl-comm run game=mpe/simple_r", "marl-comm run game=mpe/simple_reference "),
        ("marl-comm run game=coverage num_s", "marl-comm run game=coverage num_seeds="),
        ("marl-comm run metrics.gap_thresholds.", "marl-comm run metrics.gap_thresholds."),
        ("marl-comm run logg", "marl-comm run logger"),
        ("marl-comm run -m logger=local,w", "marl-comm run -m logger=local,wandb "),
        ("marl-comm run --mul", "marl-comm run --multirun "),
        ("marl-comm run --cfg j", "marl-comm run --cfg job "),
        ("marl-comm run --config-dir out", "marl-comm run --config-dir outputs/"),
        ("marl-comm run tab", "marl-comm run tab"),  # a file is no override
        ("marl-comm run seed=tab", "marl-comm run seed=table.npz "),  # but may be a value
        ("marl-comm resume out", "marl-comm resume outputs/"),
        ("marl-comm compare outputs/pl", r"marl-comm compare outputs/played\ here/"),
        ("marl-comm evaluate outputs/ --ren", "marl-comm evaluate outputs/ --render "),
        ("marl-comm compare --out out", "marl-comm compare --out outputs/"),
        ("marl-comm wall-clock lat", "marl-comm wall-clock latency="),
        ("marl-comm wall-clock out", "marl-comm wall-clock outputs/"),
        ("marl-comm sync --mode off", "marl-comm sync --mode offline "),
        ("marl-comm figures --scale q", "marl-comm figures --scale quick "),
        ("marl-comm completion b", "marl-comm completion bash "),
        ("marl-comm nonsense --he", "marl-comm nonsense --he"),
        (
            "true; SEED=1 bin/marl-comm run game=cove",
            "true; SEED=1 bin/marl-comm run game=coverage ",
        ),
    ],
)
def test_a_line_goes_on(terminal: Terminal, typed: str, line: str) -> None:
    assert terminal.line_after(typed) == line


def test_all_commands_are_offered(terminal: Terminal) -> None:
    offered = terminal.all_after("marl-comm ")
    assert {"run", "resume", "compare", "evaluate", "sync", "wall-clock", "figures"} <= set(offered)


def test_all_games_are_offered(terminal: Terminal) -> None:
    first, *others = terminal.all_after("marl-comm run game=")
    assert {"coverage", "congestion", "mpe/simple_spread", "pettingzoo"} <= {first, *others}


def test_the_cursor_may_stand_within_the_line(terminal: Terminal) -> None:
    back = "\x02" * len(" seed=1")
    line = terminal.line_after(f"marl-comm run game=cove seed=1{back}")
    assert line == "marl-comm run game=coverage seed=1"


def test_words_may_end_elsewhere(terminal: Terminal) -> None:
    """Hydra's own script, where it is in use, takes = out of what ends a word."""
    os.write(terminal._terminal, b"before=$COMP_WORDBREAKS COMP_WORDBREAKS=${COMP_WORDBREAKS//=}\n")
    assert terminal.line_after("marl-comm run game=cove") == "marl-comm run game=coverage "
    os.write(terminal._terminal, b"COMP_WORDBREAKS=$before\n")


def test_the_script_does_not_need_anything_installed_to_be_printed() -> None:
    subprocess.run([BASH, "-n"], input=bash_script(), text=True, check=True)
