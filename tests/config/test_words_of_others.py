"""What users of other programs type gets the key that it is called here."""

import shlex
import sys
from pathlib import Path

import pytest

from marl_comm import run
from marl_comm.command_line.composition import compose
from marl_comm.config.keys import keys, options
from marl_comm.config.messages import _CALLED_ELSEWHERE
from marl_comm.errors import InputError


@pytest.mark.parametrize("word", _CALLED_ELSEWHERE)
def test_the_word_of_another_program_is_answered_with_keys_that_exist(word: str) -> None:
    with pytest.raises(InputError) as told:
        compose(f"{word}=1")
    known = {key.path for key in keys()} | set(options()) | {"algorithm/prediction"}
    assert f"did you mean {' or '.join(_CALLED_ELSEWHERE[word])}?" in str(told.value)
    assert {key.partition("=")[0] for key in _CALLED_ELSEWHERE[word]} <= known


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("+experiment=rates", "type experiment=rates"),
        ("+game.foo=3", "+game.arguments.foo=..."),
        ("game.agent=3", "did you mean game.agents?"),
        ("game=mine:Game", "chosen by game=one_shot game.class=mine:Game"),
        ("algorithm=mine:Plan", "chosen by algorithm=own algorithm.class=mine:Plan"),
        ("communication=mine:Due", "by communication=own communication.class=mine:Due"),
        ("wandb=online", "did you mean logger=wandb or logger.mode=online?"),
    ],
)
def test_the_right_words_are_told(typed: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        compose(*shlex.split(typed))
    assert told in str(refused.value)


def test_a_sweep_without_its_flag_is_told_and_one_job_of_it_is_not(
    new_process: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["marl_comm.run", "experiment=rates", "game=coverage"])
    assert run.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: this is a sweep over game, algorithm: add -m")
    assert line.endswith("algorithm=...")
    assert list(tmp_path.iterdir()) == []
