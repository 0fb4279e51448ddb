"""What comes back from an environment is checked, and told in one line that names all of it."""

import logging

import numpy as np
import odd_worlds
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from marl_comm.errors import InputError
from marl_comm.games.environments.infos import means
from marl_comm.games.environments.pettingzoo.environments import ParallelEnvironments

ONE_ROW = np.zeros(1, dtype=np.int64)


def adapter(name, copies=1, seeds=1, **arguments):
    randoms = [np.random.default_rng(seed) for seed in range(seeds)]
    return ParallelEnvironments(f"odd_worlds:{name}", arguments, randoms, copies)


def played(name, steps=6, **arguments):
    """Play a few steps of first choices; return all situations and steps."""
    environments = adapter(name, **arguments)
    found = []
    for _ in range(steps):
        situation = environments.situation(ONE_ROW)
        actions = torch.zeros((1, 2, 1, *environments.spec.action_shape))
        found.append((situation, environments.step(ONE_ROW, actions)))
    return found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TakingTurns", "lets agents take turns"),
        ("OldReset", r"its reset has given dict, must be \(observations, infos\)"),
        ("OldStep", r"its step has given \(dict, dict, dict, dict\), must be"),
        ("NobodyThere", "no agent is in `agents` after its reset"),
        ("Nameless", "Nameless has no possible_agents"),
        ("WrongShape", r"a observes an array of shape \(3,\) of float64, declared Box"),
        ("Ragged", r"a observes list \[\[0.0\], \[0.0, 1.0\]\], declared Box"),
        ("Textual", r"a observes an array of shape \(2,\) of <U1, declared Box"),
        ("OutOfRange", r"b observes 1.5 \(number 1 of 2\), declared Box\(0.0, 1.0"),
        ("StrangeChoice", r"a observes int 5, declared Discrete\(4, start=1\)"),
        ("Unseen", r"b is given no observation, declared Box"),
        ("StrangerSeen", "its observations name 'c', which is none of possible_agents, a, b"),
        ("VectorReward", r"a gains array\(\[1., 1.\]\), must be one number"),
        ("NoReward", "a gains None, must be one number"),
        ("Unrewarded", "b has acted and is given no reward"),
        ("Unflagged", "its terminations lack b, which has acted"),
        ("Vanishing", "b is no longer in `agents`, but was neither terminated nor truncated"),
        ("Stranger", "its agents after reset name 'z'"),
        ("always_the_same", "the same object at every call"),
        ("Wrapping", "the same object at every call"),
        ("Growing", r"its copies differ: one declares .*Discrete\(3\).*another .*Discrete\(4\)"),
        ("LateMasks", "a has action_mask in its info, but none had after the first reset"),
        ("BadMask", r"a has action_mask \[0, 0, 0\], which leaves it no choice"),
        ("MaskedNumbers", "has masks of actions that are numbers"),
        ("Mixed", "some agents' actions are choices and others' are numbers"),
        ("Unbounded", "a has actions in Box.*Box with finite limits"),
        ("Picture", r"a sees pictures of shape \(84, 84, 3\).*supersuit.resize_v1"),
    ],
)
def test_what_breaks_the_interface_is_told_in_one_line(name, words):
    with pytest.raises(InputError, match=words) as caught:
        played(name)
    assert str(caught.value).startswith("game.environment=odd_worlds:")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ([1, 0], r"an array of shape \(2,\) of int64 as action_mask, but has 3 choices"),
        ([1, 2, 0], r"action_mask \[1, 2, 0\], of which some are neither 0 nor 1"),
    ],
)
def test_masks_that_are_none_are_told(mask, words):
    with pytest.raises(InputError, match=words):
        played("BadMask", mask=mask)


@pytest.mark.parametrize(
    "name",
    ["WrongShape", "OutOfRange", "StrangeChoice", "StrangerSeen", "VectorReward"],
)
def test_answers_are_checked_at_every_step(name):
    for since in (3, 5):
        with pytest.raises(InputError, match="odd_worlds"):
            played(name, since=since, steps=since)
        played(name, since=since, steps=since - 1)
    played(name, since=6)


@pytest.mark.parametrize(("name", "message"), [("Raising", "out of fuel"), ("Exiting", "licence")])
@pytest.mark.parametrize(
    ("where", "doing"),
    [
        ("make", "making it"),
        ("spaces", "asking for its agents and their spaces"),
        ("reset", "its reset"),
        ("step", "its step"),
        ("late", "its step"),
    ],
)
def test_whatever_foreign_code_raises_is_told(name, message, where, doing):
    with pytest.raises(InputError, match=f"{doing} has raised .*{message}"):
        played(name, where=where)


def test_code_that_ends_the_program_without_a_word_is_told():
    with pytest.raises(InputError, match=r"its step has called sys.exit\(0\)"):
        played("ExitingQuietly", where="late")


def test_the_user_may_interrupt_foreign_code():
    with pytest.raises(KeyboardInterrupt):
        played("Raising", where="step", what=KeyboardInterrupt())


def test_a_failing_close_is_told_and_ends_nothing(caplog):
    with caplog.at_level(logging.WARNING):
        environments = adapter("Raising", where="close")
        environments.close()
    assert "closing it has raised ValueError: out of fuel" in caplog.text


def test_all_that_were_made_are_closed():
    odd_worlds.LOG.clear()
    environments = adapter("Noted", copies=3, seeds=2)
    environments.situation(np.arange(2))
    assert ["made", "closed", *["made"] * 6] == odd_worlds.LOG
    environments.close()
    environments.close()
    assert odd_worlds.LOG.count("closed") == 7


def test_what_was_made_is_closed_where_one_cannot_be_made():
    odd_worlds.LOG.clear()
    with pytest.raises(InputError, match="no more"):
        adapter("Unmade", copies=3)
    assert odd_worlds.LOG.count("closed") == odd_worlds.LOG.count("made") == 3


def test_every_copy_has_arguments_of_its_own():
    odd_worlds.LOG.clear()
    arguments = {"sizes": [7, 8]}
    adapter("Touchy", copies=3, **arguments)
    assert odd_worlds.LOG == [[7, 8]] * 4
    assert arguments == {"sizes": [7, 8]}


def test_arrays_of_one_number_are_rewards():
    environments = adapter("ArrayReward")
    environments.situation(ONE_ROW)
    rewards = environments.step(ONE_ROW, torch.tensor([[[2], [1]]])).rewards
    assert rewards.tolist() == [[[1.0], [0.0]]]


def test_agents_that_see_nothing_play():
    (situation, step), *_ = played("Blind")
    assert situation.observations.shape == step.observations.shape == (1, 2, 1, 0)


def test_nothing_in_infos_ends_a_run():
    for time, (_, step) in enumerate(played("OddInfos", steps=5), start=1):
        assert set(step.info) == {"info_time", f"info_step_{time}"}
    assert all(not step.info for _, step in played("NoInfos"))


def test_means_of_infos_are_over_the_agents_that_have_them():
    infos = {"a": {"x": 1, "y": True}, "b": {"x": np.float32(4.0), "z": [[5]]}, "c": None}
    assert means(infos) == {"info_x": 2.5, "info_y": 1.0, "info_z": 5.0}
    for nothing in (None, [], {"a": 3}, {"a": {"x": "1", "y": [], "z": np.inf}}):
        assert means(nothing) == {}


def test_agents_that_are_kept_are_gone_and_told_of_once(caplog):
    found = played("KeepsAgents", steps=12)
    assert [bool(step.ended) for _, step in found] == [(t + 1) % 5 == 0 for t in range(12)]
    assert [bool(situation.began) for situation, _ in found] == [t % 5 == 0 for t in range(12)]
    assert caplog.text.count("are taken to be gone") == 1


class Script(odd_worlds.World):
    """Who is flagged how, who is listed, and who gains something, as drawn."""

    script = ()
    names = ("a", "b", "c")

    def see(self, agent):
        return np.zeros(2)

    def step(self, actions):
        flags, kept, paid = self.script[self.time]
        self.time += 1
        acting = sorted(actions)
        gone = self.gone_before + [a for a in acting if any(flags[a])]
        self.gone_before = gone
        rewards = dict.fromkeys({*acting, *paid}, 1.0)
        self.agents = [
            a for a in self.names if (a in acting and a not in gone) or a in kept & {*gone}
        ]
        every = self.names  # flags of agents that have left say nothing
        return (
            self.seen(acting),
            rewards,
            {a: flags[a][0] for a in every},
            {a: flags[a][1] for a in every},
            {},
        )

    def reset(self, seed=None, options=None):
        self.gone_before = []
        return super().reset(seed)


flag = st.tuples(st.booleans(), st.booleans())
names = st.sets(st.sampled_from("abc"))
script = st.lists(
    st.tuples(st.fixed_dictionaries(dict.fromkeys("abc", flag)), names, names),
    min_size=8,
    max_size=8,
)


@given(script)
def test_ends_are_those_of_a_loop_over_agents(drawn):
    odd_worlds.Script = Script
    environments = adapter("Script", script=drawn)
    time, alive = 0, []
    for _ in range(len(drawn)):
        situation = environments.situation(ONE_ROW)
        if not alive:
            time, alive = 0, [True] * 3
            assert situation.began.all()
        assert situation.alive[0, :, 0].tolist() == alive
        flags, _, paid = drawn[time]
        step = environments.step(ONE_ROW, torch.zeros((1, 3, 1), dtype=torch.int64))
        gained = [float(acts or name in paid) for acts, name in zip(alive, "abc", strict=True)]
        assert step.rewards[0, :, 0].tolist() == gained
        ends = [flags[name] for acts, name in zip(alive, "abc", strict=True) if acts]
        alive = [acts and not any(flags[name]) for acts, name in zip(alive, "abc", strict=True)]
        assert bool(step.ended) == (not any(alive))
        by_itself = not any(alive) and all(terminated for terminated, _ in ends)
        assert bool(step.terminated) == by_itself
        if not any(alive):
            alive = []
        time += 1
