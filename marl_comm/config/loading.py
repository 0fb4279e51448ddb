"""From what Hydra composed to a valid `RunConfig`, or to one line that says what is wrong."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import ValidationError

from marl_comm.config.messages import describe, missing
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.plain_text import one_line, shown
from marl_comm.settings import MAY_READ_FILES
from marl_comm.storage.configurations import read_configuration


def load(cfg: DictConfig) -> RunConfig:
    """Resolve and validate a composed configuration.

    What options leave open is read off the files that they name.

    Args:
        cfg: All groups of a run, without Hydra's own.

    Raises:
        InputError: One line with the key, its value and what is allowed.
    """
    return _validated(_resolved(cfg), MAY_READ_FILES)


# Keys that the first runs did not have: group, option of it, key, and what they did.
_ADDED = (
    ("metrics", None, "objective", None),
    ("logger", "wandb", "final_policy_gif", False),
    ("learner", "npg", "reuse", "latest"),
    ("learner", "npg", "stages", "together"),
    ("game", "congestion", "own_costs", 0.0),
    ("algorithm", "base_policy_prediction", "weights", "mixture"),
    ("learner", "mappo", "critic", "central"),
    ("learner", "mappo", "chunks", "own"),
    ("learner", "mappo", "reuse", "latest"),
    ("learner", "mappo", "step_scaling", "none"),
    ("learner", "mappo", "advantages", "gae"),
    ("learner", "mappo", "recompute_advantages", False),
    ("learner", "mappo", "delta_truncation", 1.0),
    ("learner", "mappo", "trace_truncation", 1.0),
    ("learner", "mappo", "others_truncation", 2.0),
)


def load_saved(file: Path) -> RunConfig:
    """Read the configuration that a run directory holds, and no other file.

    Args:
        file: A `config.yaml` that a run has written.

    Raises:
        DamagedError: It cannot be read.
        InputError: It is not valid for this version, or is a link, a pipe or the like.
    """
    raw = read_configuration(file)
    raw.setdefault("quiet", False)
    raw.setdefault("start_from", None)
    for group, option, key, before in _ADDED:
        settings = raw.get(group)
        if isinstance(settings, dict) and (
            settings.get("name", option) == option and settings.get("policies") != "networks"
        ):
            settings.setdefault(key, before)
    try:
        return _validated(raw, {})
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _validated(raw: dict[Any, Any], context: dict[str, Any]) -> RunConfig:
    try:
        return RunConfig.model_validate(raw, context=context)
    except ValidationError as error:
        raise InputError(one_line(describe(error, raw))) from error


def _resolved(cfg: DictConfig) -> dict[Any, Any]:
    try:
        container = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    # Resolvers are arbitrary functions, and interpolations may also recurse without end.
    except Exception as error:
        raise InputError(one_line(_unresolvable(error, cfg))) from error
    if not isinstance(container, dict):
        raise InputError("the configuration must be a mapping of keys to values")
    return container


def _unresolvable(error: Exception, cfg: DictConfig) -> str:
    reason = str(error).partition("\n")[0] or type(error).__name__
    path = error.full_key if isinstance(error, OmegaConfBaseException) else None
    if not path:
        return f"the configuration has a value that cannot be worked out: {reason}"
    node: Any = OmegaConf.to_container(cfg, resolve=False)
    if isinstance(error, MissingMandatoryValue):
        return missing(str(path), node)
    for part in str(path).split("."):
        node = node.get(part) if isinstance(node, dict) else node
    return f"{path}={shown(node)}: must be a value that can be worked out ({reason})"
