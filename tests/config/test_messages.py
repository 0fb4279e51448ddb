"""What is known by another name is told where it is."""

import pytest

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError


def test_a_rival_by_its_usual_name_is_told_by_the_keys_that_choose_it() -> None:
    with pytest.raises(InputError, match=r"^algorithm=model_based: this is ") as refused:
        compose("algorithm=model_based")
    typed = str(refused.value).split("this is ")[1].split(":")[0]
    config = compose(*typed.split())
    assert (config.learner.estimator, config.algorithm.name) == ("model", "importance_sampling")
