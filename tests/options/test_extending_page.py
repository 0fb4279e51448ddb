"""The page docs/extending.md: its files in a folder outside the package, its commands as typed."""

import dataclasses
import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import console
import enumeration
import extending_page
import numpy as np
import pytest
import yaml

from marl_comm.communication.schedule import Clock
from marl_comm.experience import Staleness
from marl_comm.experience.quotient import Signal
from marl_comm.games.one_shot.solution import nash_gap
from marl_comm.games.over_time import dynamic_programs

ROOT = Path(__file__).parents[2]


def play(directory: Path, command: list[str], package: Path = ROOT) -> Path:
    """Run a command of the page by the console script and return its run directory."""
    played = directory / "played"
    execute(directory, [*command, f"hydra.run.dir={played}"], package)
    return played


def execute(directory: Path, command: list[str], package: Path = ROOT) -> str:
    """Run a command of the page by the console script and return what it prints."""
    assert command[0] == "marl-comm"
    files = extending_page.write_files(directory / "outside")
    script = console.write_script(directory)
    ended = subprocess.run(
        [script, *command[1:]],
        cwd=directory,
        env={**console.environment(), "PYTHONPATH": f"{package}:{files}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def seeds(directory: Path) -> list[dict]:
    return json.loads((directory / "summary.json").read_text())["seeds"]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(extending_page.write_files(tmp_path / "outside"))
    yield
    for name in extending_page.FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_each_file_fits_on_a_screen_and_the_stag_hunt_in_less_than_60_lines() -> None:
    lines = {name: len(text.splitlines()) for name, text in extending_page.FILES.items()}
    assert len(lines) == 5
    assert max(lines.values()) < 60


@pytest.mark.parametrize(("which", "value"), [(0, 1.0), (1, 0.6)], ids=["stag", "hare"])
def test_the_stag_hunt_ends_in_the_equilibrium_that_its_worth_of_hares_decides(
    tmp_path: Path, which: int, value: float
) -> None:
    played = play(tmp_path, extending_page.COMMANDS[which])
    for seed in seeds(played):
        assert seed["value"] == pytest.approx(value, abs=1e-6)
        assert seed["nash_gap"] < 1e-6
    assert yaml.safe_load((played / "config.yaml").read_text())["game"]["class"] == "hunts:StagHunt"


@pytest.mark.usefixtures("page")
def test_the_stag_hunts_exact_figures_equal_enumeration() -> None:
    from hunts import StagHunt

    game = StagHunt(3, 2, [0], hare=0.4)
    row = np.array([0])

    def rewards(joint_action: tuple[int, ...]) -> list[float]:
        return [1.0 if all(joint_action) else 0.4 * joint_action.count(0) / 3] * 3

    policy = enumeration.random_policy((1, 3, 2), seed=1)
    marginals = game.marginal_rewards(row, enumeration.log_of(policy))
    assert marginals[0] == pytest.approx(enumeration.marginal_rewards(rewards, policy[0]))
    every = np.array([list(itertools.product(range(2), repeat=3))], dtype=np.uint8)
    assert game.rewards(row, every)[0] == pytest.approx([rewards(tuple(a))[0] for a in every[0]])
    pure = {a: enumeration.pure_policy(a, 2)[None] for a in itertools.product(range(2), repeat=3)}
    gaps = {
        action: nash_gap(game.marginal_rewards(row, enumeration.log_of(policy)), policy_log)[0]
        for action, policy in pure.items()
        for policy_log in [enumeration.log_of(policy)]
    }
    assert {action for action, gap in gaps.items() if gap == 0} == {(0, 0, 0), (1, 1, 1)}


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("discount", [None, 0.9])
def test_the_gardens_two_descriptions_are_of_one_game(discount: float | None) -> None:
    """All joint actions are played and weighed: rewards exactly, moves by their thresholds."""
    from gardens import Garden

    game = Garden(2, 2, 3, 4, discount, [0], effort=0.3)
    policy = enumeration.random_policy((1, 3, 2, 2), seed=2)
    rewards, transitions = game.induced(np.array([0]), enumeration.log_of(policy))
    draws = (np.arange(1000) + 0.5) / 1000
    for state, agent, action in itertools.product(range(3), range(2), range(2)):
        mean, following = 0.0, np.zeros(3)
        for other in range(2):
            joint = [action, other] if agent == 0 else [other, action]
            moves = np.tile(np.array(joint, dtype=np.uint8), (1, 1000, 1))
            gained, after = game.move(np.array([0]), np.full((1, 1000), state), moves, draws[None])
            weight = policy[0, state, 1 - agent, other]
            mean += weight * gained.mean()
            following += weight * np.bincount(after[0], minlength=3) / 1000
        assert rewards[0, state, agent, action] == pytest.approx(mean)
        assert transitions[0, state, agent, action] == pytest.approx(following, abs=1e-12)
    uniform = np.full((1, game.layers, 3, 2, 2), np.log(0.5))
    values, best = dynamic_programs.values_and_best_responses(game, np.array([0]), uniform)
    assert (best >= values).all()


@pytest.mark.parametrize("which", [2, 3], ids=["finite", "discounted"])
def test_gardens_are_learned(tmp_path: Path, which: int) -> None:
    for seed in seeds(play(tmp_path, extending_page.COMMANDS[which])):
        assert seed["nash_gap"] < 0.02 * (1 if which == 2 else 10)


def test_the_environment_is_trained_in(tmp_path: Path) -> None:
    played = play(tmp_path, extending_page.command_of("game=pettingzoo"))
    last = json.loads((played / "metrics.jsonl").read_text().splitlines()[-1])
    assert -10.0 <= last["evaluation_sampled_return"] <= 0.0
    assert 0.0 <= last["info_apart"] <= 0.75


def test_the_algorithm_keeps_four_base_policies_from_its_second_round_on(tmp_path: Path) -> None:
    played = play(tmp_path, extending_page.command_of("algorithm=own"))
    assert all(seed["nash_gap"] < 0.01 for seed in seeds(played))
    points = [json.loads(line) for line in (played / "metrics.jsonl").read_text().splitlines()]
    assert {point["bases"] for point in points if point["round"] > 1} == {4}


def test_rounds_grow(tmp_path: Path) -> None:
    played = play(tmp_path, extending_page.command_of("communication=own"))
    points = [json.loads(line) for line in (played / "metrics.jsonl").read_text().splitlines()]
    rounds = [point["round"] for point in points if point["seed"] == 0 and point["local_step"] > 0]
    lengths = [len(list(same)) for _, same in itertools.groupby(rounds)]
    assert lengths[:-1] == [1 + 2 * k for k in range(len(lengths) - 1)]
    assert len(lengths) > 10


def test_a_schedule_with_a_name_is_swept_beside_another_and_compared(tmp_path: Path) -> None:
    named = tmp_path / extending_page.OPTION_PATH
    named.parent.mkdir(parents=True)
    named.write_text(extending_page.OPTION_FILE)
    execute(tmp_path, extending_page.command_of("communication=growing,periodic"))
    printed = execute(tmp_path, extending_page.command_of("compare"))
    assert "communication=Growing / base_policy_prediction communication=periodic" in printed


def test_the_game_inside_the_package_takes_a_file_its_values_and_a_line(tmp_path: Path) -> None:
    copy = copy_of_the_package(tmp_path / "copy")
    (copy / "marl_comm/games/one_shot/stag_hunt.py").write_text(extending_page.file_inside())
    (copy / "configs/game/stag_hunt.yaml").write_text(extending_page.YAML_INSIDE)
    played = play(tmp_path, extending_page.COMMANDS[-1], package=copy)
    assert yaml.safe_load((played / "config.yaml").read_text())["game"]["hare"] == 0.4
    assert all(seed["value"] == pytest.approx(1.0, abs=1e-6) for seed in seeds(played))
    documented = subprocess.run(
        [sys.executable, "-c", "from marl_comm.config.keys import keys; print(*keys(), sep='\\n')"],
        cwd=tmp_path,
        env={**console.environment(), "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    _, path, allowed, *_ = (cell.strip() for cell in extending_page.LINE_INSIDE.split("|"))
    assert path == "`game.hare`"
    assert f"allowed='{allowed}'" in next(
        line for line in documented.splitlines() if "path='game.hare'" in line
    )


def copy_of_the_package(copy: Path) -> Path:
    """Return a directory with what a checkout runs from."""
    skip = shutil.ignore_patterns("__pycache__")
    for folder in ("marl_comm", "configs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=skip)
    return copy


def test_what_a_schedule_may_ask_is_what_the_page_lists() -> None:
    text = extending_page._TEXT
    for asked, answer in (("clock", Clock), (r"data\.weigh\(\)", Staleness)):
        listed = set(re.findall(rf"`{asked}\.(\w+)`", text))
        unlisted = {"seed_rows", "nearest"}
        assert listed == {each.name for each in dataclasses.fields(answer)} - unlisted
    listed = set(re.findall(r"`data\.signal\(\)\.(\w+)`", text))
    assert listed == {each.name for each in dataclasses.fields(Signal)} - {"values"}


def test_the_rule_that_the_page_spells_out_is_one_of_a_schedule() -> None:
    (rule,) = re.findall(r"`(\(clock\.\S+ >= 5\) & [^`]+)`", extending_page._TEXT)
    clock = Clock(np.arange(3), np.array([1, 1, 1]), np.array([4, 5, 9]))
    weighed = SimpleNamespace(ess=np.array([0.1, 0.1, 0.9]))
    data = SimpleNamespace(weigh=lambda: weighed)
    assert eval(rule, {"clock": clock, "data": data}).tolist() == [False, True, False]
