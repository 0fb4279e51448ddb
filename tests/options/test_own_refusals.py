"""Classes of the user's own that are wrong: one line that names them, code 2, nothing written."""

import subprocess
import sys
from pathlib import Path

import console
import extending_page
import pytest
from new_process import as_in_a_new_process

from marl_comm import run

QUICK = ("logger=local", "num_seeds=2", "samples_per_round=200", "max_local_steps=6")

WRONG = """\
import numpy as np
from gardens import Garden
from hunts import StagHunt
from plans import LastDisplacement
from rounds import Growing

from marl_comm.experience import BasePolicies


class Abstract(StagHunt.__mro__[1]):
    def rewards(self, rows, joint_actions): ...


class Refuses(StagHunt):
    def __init__(self, agents, actions, seeds):
        raise KeyError("no such\\nthing")


class Uncalled(StagHunt):
    def __init__(self, agents, actions, seeds):
        self.hare = 0.5


class Uncounted(StagHunt):
    @classmethod
    def numbers(cls):
        return 1


class Unsized(StagHunt):
    @classmethod
    def problems(cls, agents, actions, games):
        return None


class Ends(StagHunt):
    def __init__(self, agents, actions, seeds):
        super().__init__(agents, 3, seeds)


class Flat(StagHunt):
    def marginal_rewards(self, rows, log_policy):
        return super().marginal_rewards(rows, log_policy)[..., 0]


class Half(StagHunt):
    def rewards(self, rows, joint_actions):
        return super().rewards(rows, joint_actions).astype(np.float32)


class Nan(StagHunt):
    def rewards(self, rows, joint_actions):
        return super().rewards(rows, joint_actions) * np.nan


class Large(StagHunt):
    def marginal_rewards(self, rows, log_policy):
        return 5 * super().marginal_rewards(rows, log_policy)


class Wraps(StagHunt):
    def rewards(self, rows, joint_actions):
        return 1 - ((joint_actions.sum(axis=-1) - 3) / self.agents) ** 2


class Two(StagHunt):
    def marginal_rewards(self, rows, log_policy):
        return 1 - super().marginal_rewards(rows, log_policy)


class Raises(StagHunt):
    def rewards(self, rows, joint_actions):
        return joint_actions[0, 0, 0, 0, 0]


class Unnamed(StagHunt):
    def arrays(self):
        return {"policy": np.zeros(self.games)}


class Text(StagHunt):
    def arrays(self):
        return {"names": np.array(["a"] * self.games)}


class Heavy(StagHunt):
    @classmethod
    def numbers(cls, agents, actions):
        return 10**15


class Unlikely(Garden):
    def induced(self, rows, log_policy):
        rewards, transitions = super().induced(rows, log_policy)
        return rewards, 0.5 * transitions


class Outside(Garden):
    def move(self, rows, states, joint_actions, uniform):
        rewards, following = super().move(rows, states, joint_actions, uniform)
        return rewards, following + 1


class Fractions(Garden):
    def move(self, rows, states, joint_actions, uniform):
        rewards, following = super().move(rows, states, joint_actions, uniform)
        return rewards, following.astype(float)


class Generous(Garden):
    def induced(self, rows, log_policy):
        rewards, transitions = super().induced(rows, log_policy)
        return 0.5 * rewards, transitions


class Nowhere(Garden):
    def __init__(self, *sizes, **arguments):
        super().__init__(*sizes, **arguments)
        self.initial_distribution = np.zeros((1, self.states))


class Endless(Garden):
    def __init__(self, agents, actions, states, steps, discount, seeds):
        super().__init__(agents, actions, states, steps, 0.5, seeds)


class Overwrites(Garden):
    def own_figures(self, rows, log_policy):
        return {"nash_gap": np.zeros(len(rows))}


class Transposed(LastDisplacement):
    def plan(self, learner, rows):
        plan = super().plan(learner, rows)
        return BasePolicies(plan.log_policies.swapaxes(-1, -2), plan.count)


class Probabilities(LastDisplacement):
    def plan(self, learner, rows):
        plan = super().plan(learner, rows)
        return BasePolicies(np.exp(plan.log_policies), plan.count)


class Undefined(LastDisplacement):
    def plan(self, learner, rows):
        plan = super().plan(learner, rows)
        return BasePolicies(plan.log_policies * np.nan, plan.count)


class TooMany(LastDisplacement):
    def plan(self, learner, rows):
        plan = super().plan(learner, rows)
        return BasePolicies(plan.log_policies, plan.count + 1)


class Bare(LastDisplacement):
    def plan(self, learner, rows):
        return super().plan(learner, rows).log_policies


class Forgets(LastDisplacement):
    def state(self):
        return {"previous": None}


class Unsaved(LastDisplacement):
    def state(self):
        return {"previous": {1, 2}}


class Keeps(LastDisplacement):
    def keep(self, rows):
        self._previous = self._previous[rows[:1]]


class Idle(LastDisplacement):
    def keep(self, rows):
        pass


class Counts(Growing):
    def due(self, clock, data):
        return super().due(clock, data).astype(int)


class One(Growing):
    def due(self, clock, data):
        return super().due(clock, data)[0]
"""

GAME = ("game=one_shot", "game.class=wrong:{}")
OVER_TIME = ("game=over_time", "game.class=wrong:{}")
ALGORITHM = ("algorithm=own", "algorithm.class=wrong:{}")
SCHEDULE = ("communication=own", "communication.class=wrong:{}")

CASES = [
    (GAME, "Missing", "wrong has no Missing"),
    (GAME, "np", "np must be a subclass of"),
    (GAME, "LastDisplacement", "must be a subclass of marl_comm.games.one_shot.rules.Potential"),
    (GAME, "Abstract", "leaves out arrays, marginal_rewards, numbers, problems; TeamGame says"),
    (GAME, "Refuses", "it cannot be made (KeyError: 'no such"),
    (GAME, "Uncalled", "__init__() fails (AttributeError"),
    (GAME, "Uncounted", "numbers() fails (TypeError"),
    (GAME, "Unsized", "problems() fails (TypeError"),
    (GAME, "Ends", "it has (4, 3, 2) agents, actions and games, not (4, 2, 2)"),
    (GAME, "Flat", "marginal_rewards() must give a float64 array of shape (2, 4, 2) for rewards"),
    (GAME, "Half", "rewards() must give a float64 array of shape"),
    (GAME, "Nan", "rewards() must give finite numbers"),
    (GAME, "Large", "marginal_rewards() must give rewards in [0, 1], not from"),
    (GAME, "Wraps", "unsigned integers, which have no negative numbers: convert them to float64"),
    (GAME, "Two", "marginal_rewards() gives 0."),
    (GAME, "Raises", "rewards() fails (IndexError: too many indices"),
    (GAME, "Unnamed", "arrays() must name its arrays by words other than policy"),
    (GAME, "Text", "arrays() must give for names an array of numbers with a first axis of length"),
    (GAME, "Heavy", "of memory, this machine allows"),
    (OVER_TIME, "Unlikely", "induced() must give probabilities of next states that are"),
    (OVER_TIME, "Outside", "move() must give next states from 0 to 1"),
    (OVER_TIME, "Fractions", "move() must give an array of integers of shape"),
    (OVER_TIME, "Generous", "induced() gives rewards 0."),
    (OVER_TIME, "Nowhere", "__init__() must give an initial_distribution"),
    (OVER_TIME, "Endless", "it has (3, 2, 2, 4, 0.5) agents, actions, states, steps and discount"),
    (OVER_TIME, "Overwrites", "own_figures() gives nash_gap, which the log has already"),
    (ALGORITHM, "Transposed", "plan() must give a float64 array of shape (2, 4, 12, 6)"),
    (ALGORITHM, "Probabilities", "plan() must give log_policies whose probabilities sum to 1"),
    (ALGORITHM, "Undefined", "plan() must give finite numbers for log_policies"),
    (ALGORITHM, "TooMany", "plan() must give from 1 to 4 for count, not [5, 5]"),
    (ALGORITHM, "Bare", "plan() must give BasePolicies, not a float64 array"),
    (ALGORITHM, "Forgets", "plans other base policies; they must hold all that plan() remembers"),
    (ALGORITHM, "Unsaved", "state() must give nested dicts"),
    ((*ALGORITHM, "num_seeds=3"), "Keeps", "keep() fails (TypeError"),
    (
        ALGORITHM,
        "Idle",
        "beside other seeds, seed 1 plans other base policies than alone; keep(rows)",
    ),
    ((*ALGORITHM, "algorithm.max_bases=3"), "LastDisplacement", "gives 4 base policies, more than"),
    ((*ALGORITHM, "+algorithm.arguments.colour=3"), "LastDisplacement", "argument 'colour'"),
    (SCHEDULE, "Counts", "due() must give a bool array of shape (2,), not an int64 array"),
    (SCHEDULE, "One", "due() must give a bool array of shape (2,)"),
]


@pytest.fixture
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A current directory with the page's files and those that are wrong, one directory above."""
    outside = extending_page.write_files(tmp_path / "outside")
    (outside / "wrong.py").write_text(WRONG)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend(outside)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    yield tmp_path / "here"
    for name in ("wrong.py", *extending_page.FILES):
        sys.modules.pop(name.removesuffix(".py"), None)


def refusal(monkeypatch, capsys, *arguments: str) -> str:
    """Return the one line with which the entry point refuses, in this process."""
    monkeypatch.setattr(sys, "argv", ["run", *QUICK, *arguments])
    with as_in_a_new_process():
        code = run.main()
    told = capsys.readouterr()
    assert code == 2, told.err
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(("option", "name", "words"), CASES, ids=[case[1] for case in CASES])
def test_a_wrong_class_is_refused_in_one_line(
    option, name, words, strangers, monkeypatch, capsys
) -> None:
    overrides = [override.format(name) for override in option]
    line = refusal(monkeypatch, capsys, *overrides)
    assert f".class=wrong:{name}" in line or "memory" in words
    assert words in line
    assert list(strangers.iterdir()) == []


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["game=one_shot"], "game.class is missing: must be MODULE:CLASS"),
        (["algorithm=own"], "algorithm.class is missing: must be MODULE:CLASS"),
        (["communication=own"], "communication.class is missing: must be MODULE:CLASS"),
        (["game=over_time", "game.class=nowhere:Game"], "nowhere cannot be imported; modules are"),
        (["game=one_shot", "game.class=wrong.Flat"], 'game.class="wrong.Flat": must be MODULE'),
        (["game=one_shot", "game.class=hunts:StagHunt", "game.actions=3"], "a hunter has 2"),
        (["game=pettingzoo", "game.environment=nowhere"], "nowhere: cannot be imported"),
        (["game=pettingzoo", "game.environment=walkers:Meeting", "+game.arguments.colour=3"],
         "making it has raised TypeError"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_refused_in_one_line(
    overrides, words, strangers, monkeypatch, capsys
) -> None:
    settings = [*overrides, "samples_per_round=null"] if "pettingzoo" in overrides[0] else overrides
    assert words in refusal(monkeypatch, capsys, *settings)
    assert list(strangers.iterdir()) == []


def test_a_sweep_is_refused_before_its_first_job(strangers, monkeypatch, capsys) -> None:
    sweep = ["game=one_shot", "game.class=hunts:StagHunt,wrong:Nan", "-m"]
    line = refusal(monkeypatch, capsys, *sweep)
    assert line.startswith("error: job logger=local,")
    assert "game.class=wrong:Nan: rewards() must give finite numbers" in line
    assert list(strangers.iterdir()) == []


def test_arguments_may_be_lists_and_nested(strangers, monkeypatch, capsys) -> None:
    Path("kinds.py").write_text(
        "from hunts import StagHunt\n"
        "class Nested(StagHunt):\n"
        "    def __init__(self, agents, actions, seeds, worth):\n"
        "        assert worth == {'hare': [0.25, {'unused': None}]}, worth\n"
        "        super().__init__(agents, actions, seeds, worth['hare'][0])\n"
    )
    wrong = ["game=one_shot", "game.class=kinds:Nested", "+game.arguments.worth={hare: [0.5]}"]
    assert "it cannot be made (AssertionError: {'hare': [0.5]}" in refusal(
        monkeypatch, capsys, *wrong
    )
    right = [*wrong[:2], "+game.arguments.worth={hare: [0.25, {unused: null}]}"]
    monkeypatch.setattr(sys, "argv", ["run", *QUICK, *right, "hydra.run.dir=played"])
    with as_in_a_new_process():
        assert run.main() == 0
    assert (Path("played") / "summary.json").is_file()
    sys.modules.pop("kinds")


@pytest.mark.parametrize("by", ["module", "script"])
def test_modules_in_the_current_directory_are_found(by, tmp_path) -> None:
    extending_page.write_files(tmp_path)
    (tmp_path / "bin").mkdir()
    script = console.write_script(tmp_path / "bin")
    start = [script, "run"] if by == "script" else [sys.executable, "-m", "marl_comm.run"]
    ended = subprocess.run(
        [*start, *QUICK, "game=one_shot", "game.class=hunts:StagHunt", "hydra.run.dir=played"],
        cwd=tmp_path,
        env=console.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "played" / "summary.json").is_file()


def test_the_flag_of_a_sweep_may_stand_anywhere(strangers, monkeypatch, capsys) -> None:
    sweep = ["game=one_shot", "game.class=hunts:StagHunt,wrong:Nan"]
    assert refusal(monkeypatch, capsys, *sweep, "-m") == refusal(
        monkeypatch, capsys, *sweep, "--multirun"
    )
    monkeypatch.setattr(sys, "argv", ["run", "-m", *QUICK, *sweep])
    with as_in_a_new_process():
        assert run.main() == 2
