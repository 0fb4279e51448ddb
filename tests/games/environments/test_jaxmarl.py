"""JaxMARL through the adapter: what JaxMARL itself plays, seeds apart, nothing compiled twice."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from test_train_networks import play

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.games.environments.jaxmarl.library import jaxmarl as imported
from marl_comm.games.environments.jaxmarl.making import made
from marl_comm.randomness import Streams, generator
from marl_comm.runs.assemble import assemble

if find_spec("jaxmarl") is None:  # Looked for, not imported: it takes Python's output away.
    pytest.skip("JaxMARL is not installed", allow_module_level=True)
jaxmarl = imported("these tests")
import jax  # noqa: E402

SPREAD = "MPE_simple_spread_v3"


def spread(seeds=(3, 4), copies=4, max_steps=5, environment=SPREAD, **arguments):
    randoms = [generator(seed, "environment") for seed in seeds]
    where = f"game=jaxmarl game.environment={environment}"
    return made(where, environment, arguments, max_steps, randoms, copies)


def marines(seeds=(3, 4), copies=4, max_steps=14):
    """Of the same sizes everywhere here, so that they are compiled once."""
    randoms = [generator(seed, "environment") for seed in seeds]
    where, name = "game=smax/3m game.scenario=3m", "HeuristicEnemySMAX"
    return made(where, name, {}, max_steps, randoms, copies, scenario="3m", sees_world=True)


def legal_choices(environments, situation, randoms):
    """Draw choices that are legal, each row's with its own generator."""
    ranks = [random.random((*situation.legal.shape[1:],)) for random in randoms]
    if not environments.spec.masked:
        shape = (*situation.alive.shape[1:], environments.spec.largest_action)
        ranks = [random.random(shape) for random in randoms]
        return torch.from_numpy(np.stack(ranks).argmax(axis=-1))
    # So that battles come to an end: rather to where enemies are, and rather shoot than walk.
    liking = np.stack(ranks) + 0.5 * (np.arange(8) == 1) + 1.0 * (np.arange(8) >= 5)
    return torch.from_numpy((liking * situation.legal.numpy()).argmax(axis=-1))


def met(environments, rows, steps):
    """Return all that the given rows meet; their choices are their own."""
    rows, found = np.array(rows), []
    randoms = [
        np.random.default_rng(environments._randoms[row].bit_generator.seed_seq.entropy)
        for row in rows
    ]
    for _ in range(steps):
        situation = environments.situation(rows)
        outcome = environments.step(rows, legal_choices(environments, situation, randoms))
        found.append(
            [
                *vars(situation).values(),
                *list(vars(outcome).values())[:4],
                *outcome.info.values(),
                outcome.world,
            ]
        )
    return found


def assert_same(beside, alone, row):
    for there, here in zip(beside, alone, strict=True):
        for one, other in zip(there, here, strict=True):
            assert torch.equal(one[row].nan_to_num(-1), other[0].nan_to_num(-1))


def test_a_seed_meets_the_same_bits_alone_and_beside_others():
    together = met(spread((3, 4, 5)), [0, 1, 2], steps=12)
    for row, seed in enumerate((3, 4, 5)):
        assert_same(together, met(spread((seed,)), [0], steps=12), row)


def test_in_battle_a_seed_meets_the_same_bits_whoever_plays_beside_it():
    together = met(marines(), [0, 1], steps=45)
    ended = torch.stack([step[6] for step in together])
    assert (ended.any(dim=2) & ~ended.all(dim=2)).any(), "no copy ended before the others"
    for row in range(2):
        assert_same(together, met(marines(), [row], steps=45), row)


def test_steps_are_those_of_the_stock_environment():
    environments, row = spread((3,)), np.zeros(1, dtype=int)
    stock = jaxmarl.make(SPREAD)
    step_env = jax.jit(stock.step_env)
    key = generator(3, "environment").integers(2**32, size=2, dtype=np.uint32)
    key, own = jax.random.split(key)
    seen, state = stock.reset(jax.random.split(own, 4)[0])
    random = np.random.default_rng(0)
    for step in range(1, 6):
        situation = environments.situation(row)
        assert bool(situation.began.all()) == (step == 1)
        choices = random.integers(5, size=3)
        outcome = environments.step(row, torch.from_numpy(choices)[None, :, None].expand(-1, -1, 4))
        for i, name in enumerate(stock.agents):
            torch.testing.assert_close(
                situation.observations[0, i, 0], torch.from_numpy(np.array(seen[name]))
            )
        key, own = jax.random.split(key)
        moves = dict(zip(stock.agents, choices, strict=True))
        seen, state, gained, _, _ = step_env(jax.random.split(own, 4)[0], state, moves)
        for i, name in enumerate(stock.agents):
            torch.testing.assert_close(outcome.rewards[0, i, 0].item(), float(gained[name]))
            torch.testing.assert_close(
                outcome.observations[0, i, 0], torch.from_numpy(np.array(seen[name]))
            )
        assert bool(outcome.ended.all()) == (step == 5)  # the stock one's limit is a step later
        assert not outcome.terminated.any(), "a limit on steps is no end of its own"


def test_battles_are_won_or_lost_or_cut_off():
    environments, rows = marines(), np.arange(2)
    met_ends = set()
    for _ in range(75):
        situation = environments.situation(rows)
        legal = situation.legal
        # Of the first seed all shoot whom they can, else walk to where enemies are; the second's
        # stand still. The dead have one choice.
        shoots = torch.where(legal[..., 5:].any(dim=-1), 5 + legal[..., 5:].int().argmax(-1), 1)
        waits = torch.full_like(shoots, 4)
        choices = torch.where(torch.tensor([[[True]], [[False]]]), shoots, waits)
        choices = torch.where(situation.alive, choices, 4)
        assert torch.equal(legal.sum(dim=-1) == 1, ~situation.alive)
        assert legal.gather(-1, choices.unsqueeze(-1)).all()
        outcome = environments.step(rows, choices)
        won, ended = outcome.info["info_won"], outcome.ended
        assert torch.equal(won.isnan(), ~ended)
        # All agents gain the same: the damage done as a share of all health, and 1 for winning.
        assert torch.equal(outcome.rewards, outcome.rewards[:, :1].expand_as(outcome.rewards))
        assert torch.equal(won == 1, outcome.rewards[:, 0] >= 1)
        met_ends |= {*zip(won[ended].tolist(), outcome.terminated[ended].tolist(), strict=True)}
    assert met_ends == {(1.0, True), (0.0, True), (0.0, False)}
    assert environments.spec.outcomes == ("won",)


def test_a_checkpoint_holds_the_episodes_under_way():
    environments, other, rows = marines(), marines(), np.arange(2)
    met(environments, rows, steps=7)
    state = environments.state()
    other.restore(state)
    random = [np.random.default_rng(8)] * 2
    for _ in range(40):
        situation, same = environments.situation(rows), other.situation(rows)
        assert all(map(torch.equal, vars(situation).values(), vars(same).values()))
        choices = legal_choices(environments, situation, random)
        assert torch.equal(
            environments.step(rows, choices).rewards, other.step(rows, choices).rewards
        )
    with pytest.raises(TypeError, match="another environment"):
        spread().restore(state)


def parts_of(seeds, *overrides):
    config = compose(
        "game=jaxmarl",
        f"game.environment={SPREAD}",
        "game.max_steps=5",
        "game.copies=4",
        "game.evaluation_copies=4",
        "game.steps=7",
        "learner.hidden=[8]",
        "logger=local",
        f"num_seeds={seeds}",
        *overrides,
    )
    return assemble(config, Streams(range(seeds)))


def collect(parts, rows):
    behaviours = parts.learner.behaviours_for(parts.plan(rows))
    return parts.game.collect(rows, behaviours, None).rollouts


def test_nothing_compiles_after_the_first_chunk_and_the_first_evaluation():
    parts, compiled = parts_of(3), []
    rows = np.arange(3)
    collect(parts, rows)
    parts.game.evaluate(rows, parts.learner.policy)

    def note(event, seconds, **_):
        compiled.append(event) if "compile" in event else None

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        for chosen in (rows, rows[:1], rows[1:], rows):
            collect(parts, chosen)
        parts.game.evaluate(rows, parts.learner.policy)
        assert compiled == []
        jax.jit(lambda number: number + 17)(3)
        assert compiled, "what is compiled is not noted"
    finally:
        jax.monitoring.unregister_event_duration_listener(note)


BATTLES = [
    "game=smax/3m",
    "game.critic_observes=world",
    "game.max_steps=14",
    "game.copies=4",
    "game.evaluation_copies=4",
    "game.steps=5",
    "game.evaluation_every=100",
    "learner.hidden=[8]",
    "learner.epochs=2",
    "logger=local",
    "algorithm=importance_sampling",
    "communication=periodic",
    "communication.period=2",
    "communication.warmup=1",
]


def test_a_run_resumes_to_the_same_bits_in_the_middle_of_battles():
    whole, _, rounds = play(local_steps=7, small=BATTLES)
    cut, _, _ = play(local_steps=7, resume_after=4, small=BATTLES)
    assert len(cut.steps) == 3
    for name, figure in whole.steps[-1].items():
        np.testing.assert_array_equal(cut.steps[-1][name], figure, err_msg=name)
    # What a round costs where the critic sees the world: 72 numbers a step and stretch.
    chunks = rounds[0].rollouts.chunks
    seen, stretches = 3 * 75, 4 + int(chunks.ended[0, 0, :-1].sum())
    each = 4 * seen + 3 * (1 + 8 + 4 + 1) + 2 + 4 * 72
    assert chunks.world.shape == (2, 1, 1, 5, 4, 72)
    assert rounds[0].traffic.bytes_up[0] == 5 * 4 * each + stretches * 4 * 72
    assert rounds[0].traffic.bytes_down[0] == 2 * rounds[0].traffic.bytes_up[0]


def test_agents_of_different_sizes_are_padded():
    environments = spread(environment="MPE_simple_speaker_listener_v4")
    assert environments.spec.observation_sizes == (3, 11)
    assert environments.spec.action_sizes == (3, 5)
    assert not environments.spec.masked


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("game=smax game.scenario=9m", "game.scenario=9m: must be one of 3m, 2s3z"),
        ("game=jaxmarl game.environment=chess", "game.environment=chess: JaxMARL has no such"),
        ("game=smax/3m +game.arguments.x=1", "making it, has raised TypeError"),
    ],
)
def test_what_jaxmarl_does_not_know_is_told_in_one_line(overrides, words):
    config = compose(*overrides.split())
    with pytest.raises(InputError, match=words) as refused:
        config.game.ready(config)
    assert "\n" not in str(refused.value)


def test_setting_up_logging_anew_closes_no_output() -> None:
    """As Hydra does; absl's handler closes the stream that it found when it was imported."""
    code = (
        "import io, sys, logging.config\n"
        "mine = sys.stderr = io.StringIO()\n"
        "from marl_comm.games.environments.jaxmarl.library import jaxmarl\n"
        "jaxmarl('a test')\n"
        "sys.stderr = io.StringIO()\n"
        "logging.config.dictConfig({'version': 1})\n"
        "sys.exit(mine.closed)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
