"""Any command line whatever leads to a run or to one clear line.

MARL_COMM_FUZZ=10000 python -m pytest tests/test_config_fuzz.py   (about ten minutes)
"""

import json
import math
import os

from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig

from marl_comm.command_line.composition import compose
from marl_comm.config.keys import keys, options
from marl_comm.config.loading import load
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError

EXAMPLES = int(os.environ.get("MARL_COMM_FUZZ", "150"))
NAMES = [name for names in options().values() for name in names]
CHOICES = [f"{group}={name}" for group, names in options().items() for name in names]
KNOWN = [key.path for key in keys()] + list(options()) + ["metrics"]
HYDRA_KEYS = ["hydra.run.dir", "hydra.mode", "hydra.verbose", "hydra/launcher", "hydra", "_self_"]
WRITTEN_OUT = r"""
null true nan inf -inf 0 1 -1 2 1e3 1e-320 1e400 0x10 1_000 007 +5 1. ??? ~ *a & = a=b !!python/none
'' "" [] {} [1,[2]] {a:1} {a:{b:2}} [0.1,nan] [ ] ) , %s {0} $(id) --help /etc/passwd
1,2 range(3) choice(1,2) glob(*) interval(0,1) int(3.5) sort(3,1) shuffle(1,2) extend_list(1)
${seed} ${game} ${game.agents} ${} ${ ${nope} ${..seed} ${${seed}} \${seed} ${hydra.run.dir}
${oc.env:HOME} ${oc.env:NO_SUCH_VARIABLE} ${oc.env:NO_SUCH_VARIABLE,3} ${oc.decode:1}
${oc.decode:'['} ${oc.create:{a:1}} ${oc.select:x} ${oc.dict.keys:game} ${now:%S} ${hydra:job.num}
../config ../game/coverage config coverage.yaml
"""
PLAUSIBLE = "0 1 2 3 7 16 5000 0.0 0.5 1.5 1e-4 null true false [0.1,0.2] [] [a] abc"
LONG_OR_INVISIBLE = ["\ud800", "\x1b[31m", "\u202e", "\x00", 5000 * "9", 5000 * "x", 500 * "[", " "]
ODD_VALUES = WRITTEN_OUT.split() + LONG_OR_INVISIBLE


known_paths = st.sampled_from(KNOWN)
odd_paths = st.one_of(
    st.sampled_from(HYDRA_KEYS),
    st.builds("{}.{}".format, known_paths, st.sampled_from(["x", "name", "0", ""])),
    st.builds("{}@{}".format, known_paths, st.sampled_from(["game", "_global_", "x.y"])),
    st.text(alphabet="abgme._/", max_size=6),
    st.text(max_size=12),
)
plausible_values = st.one_of(
    st.sampled_from(PLAUSIBLE.split()), st.integers(0, 2000).map(str), st.sampled_from(NAMES)
)
odd_values = st.one_of(
    st.sampled_from(ODD_VALUES),
    st.integers().map(str),
    st.integers(min_value=10**200, max_value=10**201).map(str),
    st.floats().map(repr),
    st.lists(st.floats().map(repr), max_size=40).map(lambda items: f"[{','.join(items)}]"),
    st.text(alphabet="ab19._-/ é", max_size=20),
    st.text(max_size=20).map(json.dumps),
    st.text(max_size=20),
)
likely = st.one_of(
    st.sampled_from(CHOICES), st.builds("{}={}".format, known_paths, plausible_values)
)
unlikely = st.one_of(
    st.builds("{}={}".format, known_paths, odd_values),
    st.builds("{}={}".format, odd_paths, plausible_values),
    st.builds("{}={}".format, odd_paths, odd_values),
    st.builds("{}{}".format, st.sampled_from(["+", "++", "~", "~~"]), likely),
    st.builds("~{}".format, known_paths),
    st.text(max_size=20),
)
# The likely part gets further: mistakes of grammar hide all others.
command_lines = st.one_of(
    st.lists(likely, max_size=5),
    st.lists(likely, max_size=5),
    st.lists(st.one_of(likely, likely, unlikely), min_size=1, max_size=4),
    st.lists(unlikely, min_size=1, max_size=2),
)


@settings(max_examples=EXAMPLES)
@given(command_lines)
def test_any_command_line_is_a_run_or_one_clear_line(typed: list[str]) -> None:
    try:
        config = compose(*typed)
    except InputError as error:
        line = str(error)
        assert line.strip()
        assert line.isprintable()
        assert len(line) < 2000
    else:
        assert isinstance(config, RunConfig)
        rate = "step_size" if config.learner.name == "npg" else "learning_rate"
        assert math.isfinite(getattr(config.learner, rate))
        assert load(DictConfig(config.model_dump())) == config
