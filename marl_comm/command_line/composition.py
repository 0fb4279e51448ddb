"""From overrides, as typed on a command line, to a configuration, by way of Hydra."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import OverrideParseException
from omegaconf import OmegaConf

from marl_comm.command_line.hydra_errors import as_input_error, hydra_errors_as_input_errors
from marl_comm.command_line.program import program_name
from marl_comm.config.keys import options
from marl_comm.config.loading import load
from marl_comm.config.messages import unknown_option
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.plain_text import one_line, shortened, shown

HYDRA_VERSION_BASE = "1.3"
CONFIG_NAME = "config"
_PACKAGE = Path(__file__).resolve().parent.parent
_INSTALLED = _PACKAGE / "configs"
# A wheel carries the files inside the package, a checkout has them beside it.
CONFIG_DIRECTORY = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "configs"


def compose(*overrides: str) -> RunConfig:
    """Return the configuration that `python -m marl_comm.run` makes of some overrides.

    Args:
        overrides: As on the command line, such as "game=congestion" or "game.agents=4".

    Raises:
        InputError: One line with the key, its value and what is allowed.
    """
    refuse_odd_choices(overrides)
    with (
        hydra_errors_as_input_errors(),
        hydra.initialize_config_dir(str(CONFIG_DIRECTORY), version_base=HYDRA_VERSION_BASE),
    ):
        cfg = hydra.compose(CONFIG_NAME, list(overrides))
    return load(cfg)


def refuse_odd_choices(overrides: Sequence[str]) -> None:
    """Raise InputError where a configuration group is given anything but one option's name.

    Hydra merges several options of a group into one, and its errors on numbers lack the key.
    """
    for text in overrides:
        override = parsed(text)
        if override.is_sweep_override() or override.is_delete():
            continue
        group, choice = override.key_or_group, override.value()
        if group in options() and not isinstance(choice, str):
            raise InputError(one_line(unknown_option(group, choice, options()[group])))
        if (group in options() or group == "experiment") and override.is_add():
            raise InputError(
                one_line(
                    f"{shortened(text)}: a choice is replaced, not added: type {group}={choice}"
                )
            )
        hydra_group = group in ("", "hydra") or "/" in group
        if hydra_group and not isinstance(choice, str | list):
            raise InputError(one_line(f"{group}={shown(choice)}: must be the name of an option"))


@cache
def parsed(text: str) -> Override:
    """Return an override that was typed; the jobs of a sweep have most of theirs in common.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return OverridesParser.create().parse_overrides([text])[0]
    except OverrideParseException as error:
        raise as_input_error(error) from error
    except ValueError as error:  # Python's limit on the digits of an integer
        raise InputError(one_line(f"{shortened(text)}: cannot be read ({error})")) from error


def _run_command() -> str:
    return program_name("python -m marl_comm.run")


OmegaConf.register_new_resolver("marl_comm.run_command", _run_command, replace=True)
