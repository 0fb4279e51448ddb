"""From what Hydra composed to a valid `RunConfig`, or to one line that says what is wrong."""

from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from marl_comm.config.messages import describe, one_line, shown
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError


def load(cfg: DictConfig) -> RunConfig:
    """Resolve and validate a composed configuration.

    Args:
        cfg: All groups of a run, without Hydra's own.

    Raises:
        InputError: One line with the key, its value and what is allowed.
    """
    raw = _resolved(cfg)
    try:
        return RunConfig.model_validate(raw)
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
    for part in str(path).split("."):
        node = node.get(part) if isinstance(node, dict) else node
    return f"{path}={shown(node)}: must be a value that can be worked out ({reason})"
