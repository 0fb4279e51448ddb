"""Configuration: defaults, ranges, combinations, messages, and the documentation of all that."""

import contextlib
import json
import math
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel, ValidationError

from marl_comm.command_line.composition import CONFIG_DIRECTORY, compose
from marl_comm.config import memory
from marl_comm.config.keys import Key, keys, options
from marl_comm.config.loading import load
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.games import settings as game_settings
from marl_comm.games.settings import TabularGameSettings
from marl_comm.learners.npg.settings import NaturalPolicyGradientSettings
from marl_comm.plain_text import one_line
from marl_comm.settings import Settings

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "configuration.md"
TABLE_GAMES = {key.option for key in keys() if key.path == "game.reward_noise"}
OPTIONS = [(group, option) for group, names in options().items() for option in names]
FILES = sorted(CONFIG_DIRECTORY.rglob("*.yaml"))
BAD_VALUES = [-1, math.nan, math.inf, {}, "", "\x1b", [None], 10**5000]
# Options that need a class or a file, with one that they could name.
OWN_CLASSES = {
    ("game", "one_shot"): "game.class=marl_comm.games.one_shot.coverage:Coverage",
    ("game", "over_time"): "game.class=marl_comm.games.over_time.random_markov:RandomMarkov",
    ("game", "payoff"): "game.file=table.npz",
    ("algorithm", "own"): "algorithm.class=marl_comm.algorithms.current_policy:CurrentPolicy",
    ("communication", "own"): "communication.class=marl_comm.communication.unlimited:Unlimited",
}
SETTINGS = [key for key in keys() if not key.path.endswith((".name", ".policies"))]


@pytest.fixture(autouse=True, scope="module")
def _beside_a_table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where `table.npz` is, which the opening line of configs/game/payoff.yaml plays."""
    directory = tmp_path_factory.mktemp("beside_a_table")
    np.savez(directory / "table.npz", team_payoff=[[1.0, 0.0], [0.0, 0.5]])
    with contextlib.chdir(directory):
        yield


def refusal(*overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        compose(*overrides)
    line = str(caught.value)
    assert line
    assert line.isprintable()  # no line breaks, no escape sequences
    return line


@cache
def choosing(group: str, option: str) -> RunConfig:
    """The default configuration, but for one option."""
    if option == "unlimited":
        return compose("algorithm=full_communication")
    if option == "mappo":
        return compose("game=mpe/simple_spread")
    if option == "large_batch":
        return compose("game=mpe/simple_spread", "algorithm=large_batch")
    own = [OWN_CLASSES[group, option]] if (group, option) in OWN_CLASSES else []
    return compose(f"{group}={option}", *own)


def having(key: Key) -> RunConfig:
    """A configuration that has a key."""
    group = key.path.partition(".")[0]
    if key.policies == "networks":
        return choosing("learner", "mappo")
    return choosing(group, key.option) if key.option else choosing("game", "coverage")


def name_of(key: Key) -> str:
    return f"{key.option}-{key.policies or ''}-{key.path}"


def file_of(key: Key) -> Path:
    """Where a key has its default."""
    if key.policies:
        learner = {"tables": "npg", "networks": "mappo"}[key.policies]
        return CONFIG_DIRECTORY / "algorithm" / "prediction" / f"{learner}.yaml"
    group = key.path.partition(".")[0]
    return CONFIG_DIRECTORY / (f"{group}/{key.option}.yaml" if key.option else "config.yaml")


def value_of(config: BaseModel, path: str) -> object:
    node: object = config.model_dump()
    for part in path.split("."):
        assert isinstance(node, dict)
        node = node[part]
    return node


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_is_a_valid_configuration(group: str, option: str) -> None:
    assert value_of(choosing(group, option), f"{group}.name") == option


def test_there_is_a_file_for_every_option_and_no_other() -> None:
    files = {
        path.relative_to(CONFIG_DIRECTORY).as_posix()
        for path in FILES
        if path.parent != CONFIG_DIRECTORY
    }
    assert {f"{group}/{option}.yaml" for group, option in OPTIONS} == {
        name
        for name in files
        if not name.startswith(("hydra/", "experiment/", "algorithm/prediction/"))
    }


@pytest.mark.parametrize(
    "path", sorted(CONFIG_DIRECTORY.rglob("*.yaml")), ids=lambda path: path.name
)
def test_every_file_opens_with_what_it_is_and_a_command_that_works(path: Path) -> None:
    # Hydra wants the package, where it is another, on the very first line.
    text = re.sub(r"\A# @package \w+\n", "", path.read_text())
    first_line = text.partition("\n")[0]
    found = re.fullmatch(r"# [A-Z].+: python -m marl_comm\.run (.+)", first_line)
    assert found, first_line
    assert len(first_line) <= 130
    if found[1] == "--help":
        return
    try:
        compose(*shlex.split(found[1].removeprefix("-m ")))
    except InputError as error:
        if "its plug-in is not installed" not in str(error):
            raise


@pytest.mark.parametrize(
    ("game", "agents", "actions"),
    [
        ("random_potential", 4, 6),
        ("congestion", 8, 4),
        ("coverage", 12, 6),
        ("unanimous_failure", 4, 2),
        ("saddle_chain", 6, 6),
    ],
)
def test_sizes_of_the_games_are_those_other_tools_rely_on(
    game: str, agents: int, actions: int
) -> None:
    config = compose(f"game={game}").game
    assert (config.agents, config.actions, config.seed) == (agents, actions, None)


def test_sizes_of_the_games_over_time_are_those_other_tools_rely_on() -> None:
    random = compose("game=random_markov").game
    assert (random.agents, random.actions, random.states, random.horizon) == (3, 3, 5, 4)
    congestion = compose("game=markov_congestion").game
    assert (congestion.agents, congestion.weights, congestion.penalty) == (8, (1, 2, 4, 6), 100)
    assert (congestion.discount, congestion.episode_steps) == (0.99, 20)


def test_full_communication_selects_its_schedule() -> None:
    assert compose("algorithm=full_communication").communication.name == "unlimited"
    chosen = compose("algorithm=full_communication", "communication.max_rounds=7").communication
    assert (chosen.name, chosen.max_rounds) == ("unlimited", 7)
    assert compose("algorithm=stale").communication.name == "adaptive"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("algorithm=full_communication communication=adaptive", "leave communication out"),
        ("communication=unlimited", "algorithm=base_policy_prediction communication=unlimited"),
        ("algorithm=stale communication=unlimited", "choose communication=adaptive"),
        ("algorithm=stale samples_per_round=null", "algorithm=stale samples_per_round=null"),
        ("algorithm.predictor=rehearse samples_per_round=null", "algorithm.predictor=line"),
        ("game.reward_noise=0.5 samples_per_round=null", "game.reward_noise=0.5"),
        ("communication.max_samples=9000 samples_per_round=null", "communication.max_samples=9000"),
        ("communication.max_samples=999", "samples_per_round to 999 or less"),
        ("game=mpe/simple_spread communication.max_samples=9000", "cap communication.max_rounds"),
        ("samples_per_round=15", "algorithm.max_bases=16 samples_per_round=15"),
        (
            "game=climbing_chain num_seeds=2 samples_per_round=null",
            "game=climbing_chain num_seeds=2 samples_per_round=null: nothing differs",
        ),
        ("game=random_markov samples_per_round=3", "samples_per_round to 4 or more"),
        ("game=random_markov samples_per_round=63", "samples_per_round to 64 or more"),
        ("game=markov_congestion samples_per_round=200", "needs an episode of 20 samples"),
        ("game=markov_congestion game.actions=3", "give 3 weights or set game.actions to 4"),
        ("learner.policy_floor=0.2", "at most 0.167"),
        ("seed=4294967295 num_seeds=2", "at most 4294967294"),
        ("metrics.gap_thresholds=[0.1,0.01,0.1]", "0.1 appears more than once"),
        ("metrics.gap_thresholds=[0.1,0.1000000001]", "0.1 appears more than once"),
    ],
)
def test_senseless_combinations_are_refused(overrides: str, words: str) -> None:
    assert words in refusal(*overrides.split())


@pytest.mark.parametrize(
    "overrides",
    [
        "algorithm=importance_sampling samples_per_round=null",
        "samples_per_round=null",
        "algorithm=stale game.reward_noise=0.5",
        "algorithm.predictor=rehearse",
        "communication.max_samples=1000",
        "samples_per_round=16",
        "samples_per_round=1 algorithm=importance_sampling",
        "game=climbing_chain samples_per_round=null",
        "game=random_markov num_seeds=2 samples_per_round=null",
        "game=random_markov samples_per_round=64",
        "game=random_markov samples_per_round=4 algorithm=stale",
        "game=markov_congestion game.actions=2 game.weights=[1,2]",
        "game=climbing_chain game.states=1 game.horizon=1",
        "learner.policy_floor=0.16",
        "seed=4294967294 num_seeds=2",
        "metrics.gap_thresholds=[0.01,0.1]",
        "metrics.gap_thresholds=[1]",
        "logger.tags=[a,b] logger.group=null",
        "game.seed=3 game.agents=${game.actions}",
        "learner.step_size=1",
    ],
)
def test_their_sensible_neighbours_are_accepted(overrides: str) -> None:
    assert isinstance(compose(*overrides.split()), RunConfig)


@pytest.mark.parametrize("bad", BAD_VALUES, ids=range(len(BAD_VALUES)))
@pytest.mark.parametrize("key", SETTINGS, ids=name_of)
def test_every_setting_refuses_what_it_cannot_be(key: Key, bad: object) -> None:
    if key.path.endswith(".arguments") and bad == {}:
        return  # no arguments are an allowed value
    cfg = DictConfig(having(key).model_dump())
    OmegaConf.update(cfg, key.path, bad, merge=False)
    with pytest.raises(InputError) as caught:
        load(cfg)
    assert str(caught.value).startswith(f"{key.path}=")
    assert str(caught.value).endswith(f": must be {key.allowed}")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("game.agents=1000000000", "game.agents=1000000000: must be an integer, at least 1"),
        ("game.agents=0", "at least 1 and at most 1000"),
        ("seed=true", "seed=true: must be an integer"),
        ("seed=1.0", "seed=1.0: must be an integer"),
        ("seed='\"1\"'", 'seed="1": must be an integer'),
        ("metrics.stop_at_smallest_gap=1", "must be true or false"),
        ("metrics.gap_thresholds=[]", "metrics.gap_thresholds=[]: must be a list of 1 to 32"),
        ("metrics.gap_thresholds=[0.1,x]", 'metrics.gap_thresholds=[0.1, "x"]: must be a list'),
        ("communication.ess_threshold=1", "above 0 and below 1"),
        ("learner.step_size=0", "above 0"),
        ("logger.project=a/b", 'logger.project="a/b"'),
        ("game.agnets=3", "did you mean game.agents?"),
        ("agents=3", "did you mean game.agents?"),
        ("mode=online", "did you mean logger.mode?"),
        ("lr=0.1", "did you mean learner.step_size or learner.learning_rate?"),
        ("learner.gamma=0.9", "did you mean game.discount or learner.discount?"),
        ("env=coverage", "did you mean game?"),
        ("seeds=3", "did you mean num_seeds?"),
        ("batch_size=3", "did you mean samples_per_round?"),
        ("total_timesteps=3", "did you mean max_local_steps or communication.max_samples?"),
        ("communication.arguments.growth=2", "a plus, as in +communication.arguments.growth=1"),
        ("+experiment=rates", "a choice is replaced, not added: type experiment=rates"),
        ("+game.colour=3", "game.colour: unknown key"),
        ("communication.period=3", "it belongs to communication=periodic"),
        ("gaem=coverage", "did you mean game?"),
        (
            "game=coverge",
            "game=coverge: must be one of climbing, climbing_chain, congestion, coverage, gap",
        ),
        ("game=3", "game=3: must be one of"),
        ("game=[coverage,congestion]", "must be one of"),
        ("+game=congestion", "a choice is replaced, not added: type game=congestion"),
        ("game=null", "game=null: must be one of"),
        ("algorithm.policies=cats", 'algorithm.policies="cats": must be one of tables, networks'),
        ("algorithm.policies=networks", "algorithm.spacing: unknown key here, it belongs to"),
        ("game=mpe/simple_spread algorithm.spacing=1", "base_policy_prediction with learner=npg"),
        ("algorithm.calibration=true", "base_policy_prediction with learner=mappo"),
        ("algorithm.predictor=momentum", "must be one of last_gradient, line, model, oracle"),
        ("game=mpe/simple_spread algorithm.predictor=line", "must be one of extrapolate, momentum"),
        ("game=mpe/simple_spread learner=npg", "is played by learner=mappo"),
        ("learner=mappo", "is played by learner=npg"),
        ("game=mpe/simple_spread samples_per_round=5", "samples_per_round=null"),
        ("game=mpe/simple_spread game.evaluation_every=3 metrics.every=2", "multiple of"),
        ("game=mpe/simple_spread game.copies=1 learner.minibatches=26", "at most 25"),
        ("~game", "game is missing"),
        ("~seed", "seed is missing"),
        ("++game.name=chess", 'game.name="chess": must be one of climbing, penalty'),
        ("seed=1,2", "add -m"),
        ("seed=range(3)", "add -m"),
        ("seed", "seed: cannot be read as key=value"),
        ("seed=[", "cannot be read"),
        ("''", "an empty argument"),
        ("seed=${seed}", "Recursive"),
        ("seed=${nope}", 'seed="${nope}"'),
        ("seed=${oc.env:NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"),
        ("seed=???", "seed is missing: must be an integer"),
        ("logger.group=???", "logger.group is missing: must be null or text"),
        ("seed=" + 5000 * "9", "digits"),
        (f"{300 * 'k'}=1", "longer than any file name"),
        ("metrics=3", "metrics.every"),
        ("hydra.run.dri=x", "hydra.run.dri"),
        ("hydra/launcher=rocket", "hydra/launcher=rocket: must be one of"),
    ],
)
def test_mistakes_are_told_by_key_value_and_what_is_allowed(overrides: str, words: str) -> None:
    assert words in refusal(*shlex.split(overrides))


def test_messages_take_one_line_that_no_terminal_obeys() -> None:
    assert one_line("a\n  b\u2028c\x1b[31m\ud800") == "a b c\\x1b[31m\\ud800"


def test_no_model_takes_what_is_not_finite() -> None:
    class Unbounded(Settings):
        value: float

    assert Unbounded(value=1.0).value == 1.0
    for value in (math.nan, math.inf):
        with pytest.raises(ValidationError, match="finite"):
            Unbounded(value=value)


def test_several_mistakes_are_told_together() -> None:
    line = refusal(
        "seed=x", "num_seeds=0", "game.agents=0", "game.actions=1", "learner.step_size=0"
    )
    assert "seed=" in line
    assert "num_seeds=0" in line
    assert line.endswith("and 2 more problems")


def test_wandb_mode_follows_its_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert compose().logger.model_dump()["mode"] == "offline"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert compose().logger.model_dump()["mode"] == "disabled"
    monkeypatch.setenv("WANDB_MODE", "loud")
    assert 'logger.mode="loud": must be one of offline' in refusal()


def test_a_configuration_cannot_be_changed() -> None:
    config = compose()
    with pytest.raises(ValidationError, match="frozen"):
        config.game.agents = 3


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_a_written_configuration_reads_back_equal(group: str, option: str) -> None:
    config = choosing(group, option)
    written = yaml.safe_load(yaml.safe_dump(config.model_dump()))
    assert load(DictConfig(written)) == config


@pytest.mark.parametrize("key", SETTINGS, ids=name_of)
def test_every_setting_is_documented_as_it_is(key: Key) -> None:
    rows = [line for line in DOCUMENTATION.read_text().splitlines() if f"| `{key.path}` |" in line]
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    cells = [row for row in cells if row[2] == key.allowed]
    assert len(cells) == 1, f"{key.path} needs one row in {DOCUMENTATION.name} with {key.allowed}"
    _, _, _, default, meaning, _ = cells[0]
    node = yaml.safe_load(file_of(key).read_text())
    parts = key.path.split(".")
    # A game's file may set more than the game's own keys.
    for part in parts if parts[0] in node else parts[1:]:
        node = node[part]
    assert f"`{node if isinstance(node, str) else json.dumps(node)}`" in default
    assert meaning


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_is_documented(group: str, option: str) -> None:
    assert f"`{group}={option}`" in DOCUMENTATION.read_text()
    assert f"`{group}.name`" in DOCUMENTATION.read_text()


def estimated_bytes(config: RunConfig) -> int:
    assert isinstance(config.game, TabularGameSettings)
    return config.game.memory(config)


def explored(config: RunConfig) -> float:
    assert isinstance(config.learner, NaturalPolicyGradientSettings)
    return config.learner.exploration_in(config)


def test_runs_that_do_not_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = ["num_seeds=20", "samples_per_round=4000", "game.agents=100", "game.actions=20"]
    estimate = estimated_bytes(compose(*overrides))
    assert 50 * 2**20 < estimate < 2**30
    monkeypatch.setattr(game_settings, "available_bytes", lambda: estimate)
    compose(*overrides)
    monkeypatch.setattr(game_settings, "available_bytes", lambda: estimate - 1)
    assert f"about {estimate / 2**30:.3g} GiB" in refusal(*overrides)


@pytest.mark.parametrize(
    ("overrides", "rounds"),
    [
        ("learner.reuse=7", 7),
        ("learner.reuse=7 communication.max_rounds=3", 3),
        ("learner.reuse=all communication.max_rounds=9", 9),
        ("learner.reuse=all max_local_steps=8", 8),
        ("learner.reuse=all communication.max_samples=9999", 2),
    ],
)
def test_the_estimate_counts_the_rounds_that_are_kept(overrides: str, rounds: int) -> None:
    sizes = ["samples_per_round=4000", "game.actions=2", "game.agents=4"]
    once = estimated_bytes(compose(*sizes))
    several = estimated_bytes(compose(*sizes, *overrides.split()))
    assert rounds * once < several < (rounds + 1.1) * once


def test_what_must_be_lowered_where_all_rounds_are_kept() -> None:
    line = refusal("learner.reuse=all", "samples_per_round=1000000")
    assert "the data of 500 rounds" in line
    assert "learner.reuse or communication.max_rounds" in line


@pytest.mark.parametrize("game", sorted(TABLE_GAMES))
def test_the_estimate_is_linear_in_seeds(game: str) -> None:
    own = [OWN_CLASSES["game", game]] if ("game", game) in OWN_CLASSES else []
    ten, twenty, forty = (
        estimated_bytes(compose(f"game={game}", *own, f"num_seeds={seeds}"))
        for seeds in (10, 20, 40)
    )
    assert forty - twenty == 2 * (twenty - ten) > 0


def test_a_shared_payoff_table_counts_once() -> None:
    own = ["game=random_potential", "game.agents=8", "num_seeds=10"]
    table = 8 * 6**8
    saved = estimated_bytes(compose(*own)) - estimated_bytes(compose(*own, "game.seed=0"))
    assert saved == 9 * table


@pytest.mark.parametrize("agents", [12, 1000])
def test_payoff_tables_that_do_not_fit_are_refused(agents: int) -> None:
    line = refusal("game=random_potential", f"game.agents={agents}")
    assert f"game.agents={agents}" in line
    assert "2 GiB" in line


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            "game=random_markov game.agents=10 game.actions=5 game.states=50",
            "would need 186 GiB for",
        ),
        ("game=markov_congestion game.agents=1000", "GiB per seed"),
        (
            "game=climbing_chain game.states=1000 game.horizon=50 game.agents=100 num_seeds=100",
            "GiB of memory",
        ),
    ],
)
def test_games_over_time_that_do_not_fit_are_refused(overrides: str, words: str) -> None:
    assert words in refusal(*overrides.split())


def test_ten_agents_five_actions_fifty_states_and_twenty_steps_fit_without_a_table() -> None:
    sizes = ["game.agents=10", "game.actions=5", "game.states=50", "game.horizon=20"]
    config = compose("game=climbing_chain", *sizes, "num_seeds=5")
    policies = 5 * 16 * 20 * 50 * 10 * 5  # of 5 seeds, 16 bases, 20 steps, 50 states
    assert 8 * policies < estimated_bytes(config) < 2**30


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("game=coverage game.agents=5", 0.02),
        ("game=coverage game.agents=20", 0.01),
        ("game=random_markov", 0.2 / (3 * 4)),
        ("game=markov_congestion", 0.2 / (8 * 20)),
        ("game=markov_congestion samples_per_round=null", 0.0),
        ("game=markov_congestion learner.exploration=0.5", 0.5),
    ],
)
def test_exploration_left_to_itself_is_bounded_per_episode(overrides: str, expected: float) -> None:
    assert explored(compose(*overrides.split())) == pytest.approx(expected)


def test_the_memory_limit_of_a_container_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_CGROUP_LIMIT", limit)
    physical = memory.available_bytes()
    assert physical > 2**20
    limit.write_text("1048576\n")
    assert memory.available_bytes() == 2**20
    limit.write_text("max\n")
    assert memory.available_bytes() == physical
