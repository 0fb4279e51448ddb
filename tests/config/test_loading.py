"""Configurations that runs have left are read back, those of the first runs too."""

import pytest
import yaml

from marl_comm.command_line.composition import compose
from marl_comm.config.loading import load_saved
from marl_comm.errors import InputError


@pytest.mark.parametrize("game", ["coverage", "congestion", "random_markov", "mpe/simple_spread"])
def test_what_the_first_runs_left_is_what_they_did(tmp_path, game):
    config = compose(f"game={game}")
    raw = config.model_dump(mode="json")
    del raw["metrics"]["objective"]
    raw["learner"].pop("reuse", None)
    raw["learner"].pop("stages", None)
    raw["algorithm"].pop("weights", None)
    raw["game"].pop("own_costs", None)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    assert load_saved(tmp_path / "config.yaml") == config


def test_other_keys_may_not_be_missing(tmp_path):
    raw = compose("game=coverage").model_dump(mode="json")
    del raw["learner"]["step_size"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    missing = r"learner\.step_size is missing: must be null or a number"
    with pytest.raises(InputError, match=missing):
        load_saved(tmp_path / "config.yaml")
