"""Who may import whom."""

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "marl_comm").rglob("*.py")
}


@cache
def imports() -> dict[str, set[str]]:
    """Which modules each module imports, whether at its top, in a function or for types only."""
    found = {}
    for name, path in FILES.items():
        targets = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{each.name}" for each in node.names}
                targets |= {each if each in FILES else node.module for each in inner}
            elif isinstance(node, ast.Import):
                targets |= {each.name for each in node.names}
        found[name] = (targets & FILES.keys()) - {name}
    return found


def test_imports_run_in_no_circle() -> None:
    try:
        tuple(TopologicalSorter(imports()).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("lower", ["games", "experience"])
def test_games_and_experience_know_nothing_of_what_is_made_of_them(lower: str) -> None:
    higher = re.compile(r"marl_comm\.(learners\.mappo|paper|runs|analysis|plots|command_line)\b")
    arrows = {
        (name, target)
        for name, targets in imports().items()
        for target in targets
        if name.startswith(f"marl_comm.{lower}") and higher.match(target)
    }
    assert arrows == set()


def test_nobody_asks_an_option_for_its_name() -> None:
    """What an option is, it answers itself: so none can be forgotten where names are compared."""
    asks = re.compile(
        r"\b(game|algorithm|communication|learner|schedule|settings)\.name (==|!=|in |not in )"
    )
    assert asks.search('if config.algorithm.name == "stale":')
    assert {name for name, path in FILES.items() if asks.search(path.read_text())} == set()
