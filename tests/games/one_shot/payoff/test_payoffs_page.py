"""What docs/payoffs.md shows is run."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from marl_comm.command_line.composition import compose
from marl_comm.games.one_shot.payoff import nfg, npz
from marl_comm.games.one_shot.payoff.potential import ROUNDING
from marl_comm.games.one_shot.payoff.settings import PayoffSettings

PAGE = (Path(__file__).parents[4] / "docs" / "payoffs.md").read_text()


def test_the_program_writes_a_game_that_its_command_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(program, {})
    np.savez("table.npz", team_payoff=np.eye(2))
    commands = re.findall(r"python -m marl_comm\.run (.+)", PAGE)
    first, second = (compose(*shlex.split(command)) for command in commands)
    assert isinstance(first.game, PayoffSettings)
    assert isinstance(second.game, PayoffSettings)
    assert (first.game.agents, first.game.payoffs) == (2, "team")
    assert (second.game.agents, second.game.actions, second.game.payoffs) == (3, 2, "own")
    rules = second.game.drawn([0])
    assert rules.rewards(np.array([0]), np.array([[[0, 0, 0], [0, 1, 0]]])).tolist() == [
        [[1, 1, 1], [0, 0.25, 0]]
    ]


def test_names_and_limits_on_the_page_are_those_of_the_code() -> None:
    for words in (
        f"| `{npz.TEAM}` |",
        f"| `{npz.OWN}` |",
        f"`{nfg._INSTALL}`",
        f"{nfg._MOST_JOINT_ACTIONS:,} joint actions",
    ):
        assert words in PAGE
    assert ROUNDING == 1e-9
    assert npz._LARGEST_EXACT == 2**53
    assert "10⁻⁹" in PAGE
    assert "2⁵³" in PAGE
