"""Rounds that end before learning rates have fallen: not by default, and not unsaid."""

import logging

import pytest

from marl_comm.command_line.composition import compose
from marl_comm.config.keys import options
from marl_comm.learners.settings import NetworkLearnerSettings
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import assemble

SMALL = ("game=mpe/simple_spread", "game.copies=1", "learner.hidden=[4]")


@pytest.mark.parametrize("game", options()["game"])
def test_no_default_ends_a_run_in_the_middle_of_its_decay(game):
    named = {"payoff": ["game.file=tests/gate_game.nfg"]}.get(game, [])
    if game in ("one_shot", "over_time", "own"):
        return  # tables, of classes that have to be named
    config = compose(f"game={game}", *named)
    if isinstance(config.learner, NetworkLearnerSettings):
        assert config.communication.max_rounds is None


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["algorithm=full_communication", "communication.max_rounds=7"], "after 7 of"),
        (
            ["communication=periodic", "communication.period=4", "communication.max_rounds=7"],
            "after 13 of max_local_steps=20",
        ),
        (
            [
                "communication=adaptive",
                "communication.max_local_updates=4",
                "communication.max_rounds=7",
            ],
            "after at most 13 of",
        ),
        (["algorithm=full_communication", "communication.max_rounds=20"], None),
        (["communication=periodic", "communication.period=9", "communication.max_rounds=7"], None),
        (
            [
                "algorithm=full_communication",
                "communication.max_rounds=7",
                "learner.learning_rate_decay=false",
            ],
            None,
        ),
    ],
)
def test_rounds_that_must_end_before_are_told_of(overrides, told, caplog):
    config = compose(*SMALL, "max_local_steps=20", *overrides)
    with caplog.at_level(logging.WARNING):
        assemble(config, Streams(range(1))).game.close()
    lines = [
        record.getMessage() for record in caplog.records if "max_rounds" in record.getMessage()
    ]
    assert [told in line for line in lines] == ([True] if told else [])
