"""What a user reads about a setting: one line with the key, its value and what is allowed."""

import difflib
from typing import Any, get_args

from pydantic import ValidationError

from marl_comm.config.keys import Key, keys, options
from marl_comm.learners.settings import NetworkLearnerSettings, TabularLearnerSettings
from marl_comm.options.answers import LearnerSettings, Policies
from marl_comm.options.found import name_of, options_of
from marl_comm.plain_text import shortened, shown

_MOST_PROBLEMS = 3
_CLOSE = 0.75  # what is less alike than that is no misspelling
# What other programs call a key or a group, by the last part of the name.
_CALLED_ELSEWHERE: dict[str, tuple[str, ...]] = {
    "batch_size": ("samples_per_round",),
    "clip_coef": ("learner.clip",),
    "clip_range": ("learner.clip",),
    "ent_coef": ("learner.entropy_bonus",),
    "entropy_coef": ("learner.entropy_bonus",),
    "env": ("game",),
    "env_id": ("game", "game.environment"),
    "env_name": ("game", "game.environment"),
    "gae_lambda": ("learner.trace",),
    "gamma": ("game.discount", "learner.discount"),
    "lr": ("learner.step_size", "learner.learning_rate"),
    "max_grad_norm": ("learner.max_gradient_norm",),
    "n_agents": ("game.agents",),
    "n_envs": ("game.copies",),
    "n_epochs": ("learner.epochs",),
    "num_agents": ("game.agents",),
    "num_envs": ("game.copies",),
    "num_minibatches": ("learner.minibatches",),
    "seeds": ("num_seeds",),
    "task": ("game",),
    "total_timesteps": ("max_local_steps", "communication.max_samples"),
    "update_epochs": ("learner.epochs",),
    "wandb": ("logger=wandb", "logger.mode=online"),
    "prediction": ("algorithm/prediction",),
}
# How a class of the user's own is chosen, where its MODULE:CLASS was typed as the option.
_CLASSES_OF_THE_USER = {
    "game": "game=one_shot game.class={0}, game=over_time game.class={0} (Markov games) or "
    "game=pettingzoo game.environment={0}",
    "algorithm": "algorithm=own algorithm.class={0}",
    "communication": "communication=own communication.class={0}",
}
# What is known by a name of its own, and chosen by another key here.
_CHOSEN_ELSEWHERE = {
    "algorithm=model_based": (
        "learner.estimator=model algorithm=importance_sampling: between rounds, natural policy "
        "gradient on the fitted model of rewards alone"
    ),
}


def describe(error: ValidationError, raw: dict[Any, Any]) -> str:
    """Return the problems that pydantic found in a raw configuration, the first few of them."""
    problems: dict[str, str] = {}
    for found in error.errors(include_url=False):
        path = _path(found["loc"], raw)
        if found["type"].startswith("union_tag"):
            path += "." + found["ctx"]["discriminator"].strip("'")
        problems.setdefault(path, _problem(path, found["type"], raw))
    lines = list(problems.values())
    if len(lines) > _MOST_PROBLEMS:
        lines[_MOST_PROBLEMS:] = [f"and {len(lines) - _MOST_PROBLEMS} more problems"]
    return "; ".join(lines)


def missing(path: str, raw: dict[Any, Any]) -> str:
    """Return what to say about a key that has no value."""
    return f"{path} is missing: must be {_allowed(path, raw)}"


def unknown_key(path: str) -> str:
    """Return what to say about a key that the chosen options do not have."""
    path = shortened(path)
    owners = [key for key in keys() if key.path == path and key.option is not None]
    if owners:
        group = path.partition(".")[0]
        has = " or ".join(_owner(group, key) for key in owners)
        return f"{path}: unknown key here, it belongs to {has}"
    known = list(dict.fromkeys([key.path for key in keys()] + list(options())))
    parent, _, name = path.rpartition(".")
    if parent.endswith(".arguments") and parent in known:
        return f"{path}: arguments are added, with a plus, as in +{path}=1"
    same_name = [key for key in known if key.rpartition(".")[2] == name]
    close = (
        same_name
        or list(_CALLED_ELSEWHERE.get(name, ()))
        or difflib.get_close_matches(path, known, n=1, cutoff=_CLOSE)
    )
    if path.startswith("hydra."):
        return f"{path}: unknown key of Hydra's own settings, which --cfg hydra shows"
    if close:
        return f"{path}: unknown key, did you mean {' or '.join(close)}?"
    if parent == "game":
        return (
            f"{path}: unknown key; an argument of your own game or environment is typed "
            f"+game.arguments.{name}=..., other keys are in docs/configuration.md"
        )
    return f"{path}: unknown key, allowed are the keys in docs/configuration.md"


def unknown_option(group: str, choice: Any, allowed: list[str]) -> str:
    """Return what to say about an option that a configuration group does not have."""
    text = shortened(choice) if isinstance(choice, str) else shown(choice)
    if elsewhere := _CHOSEN_ELSEWHERE.get(f"{group}={text}"):
        return f"{group}={text}: this is {elsewhere}"
    if ":" in text and (own := _CLASSES_OF_THE_USER.get(group)):
        return f"{group}={text}: a class of your own is chosen by {own.format(text)}"
    close = difflib.get_close_matches(text, allowed, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"{group}={text}: must be one of {', '.join(allowed)}{hint}"


def _owner(group: str, key: Key) -> str:
    choice = f"{group}={key.option}"
    return choice if key.policies is None else f"{choice} with learner={_learner_of(key.policies)}"


def _learner_of(policies: str) -> str:
    """Return the learners of a kind of policies, as typed."""
    kind = TabularLearnerSettings if policies == "tables" else NetworkLearnerSettings
    return " or ".join(
        name_of(each) for each in options_of(LearnerSettings) if issubclass(each, kind)
    )


def _problem(path: str, kind: str, raw: dict[Any, Any]) -> str:
    if kind == "extra_forbidden":
        return unknown_key(path)
    allowed = _allowed(path, raw)
    if kind == "missing":
        return missing(path, raw)
    return f"{path}={shown(_value(path, raw))}: must be {allowed}"


def _allowed(path: str, raw: dict[Any, Any]) -> str:
    if path in options():
        return f"one of the options {', '.join(options()[path])}"
    group = path.partition(".")[0]
    if group in options() and path == f"{group}.name":
        return f"one of {', '.join(options()[group])}"
    if path == "algorithm.policies":
        return f"one of {', '.join(get_args(Policies))}"
    chosen = _value(f"{group}.name", raw)
    candidates = [key for key in keys() if key.path == path]
    kind = _value(f"{group}.policies", raw)
    candidates = [key for key in candidates if key.policies in (None, kind)] or candidates
    matching: list[Key] = [key for key in candidates if key.option in (None, chosen)]
    if matching:
        return matching[0].allowed
    within = [key for key in keys() if path.startswith(f"{key.path}.")]
    if within:
        return f"such that {within[0].path} is {within[0].allowed}"
    below = [key.path for key in keys() if key.path.startswith(f"{path}.")]
    return f"a group with the keys {', '.join(below)}"


def _path(location: tuple[int | str, ...], raw: dict[Any, Any]) -> str:
    """Return the key of an error's location, without union tags and list positions."""
    parts = [str(part) for part in location if not isinstance(part, int)]
    if len(parts) > 1 and parts[0] in options() and parts[1] in options()[parts[0]]:
        del parts[1]
        if len(parts) > 2 and parts[1] in get_args(Policies):
            del parts[1]
    node: Any = raw
    settings = {key.path for key in keys()}
    for depth, part in enumerate(parts):
        so_far = ".".join(parts[:depth])
        if not isinstance(node, dict) or (so_far in settings and part not in node):
            # What follows says which type of a union was tried on this value.
            return so_far
        node = node.get(part)
    return ".".join(parts)


def _value(path: str, raw: dict[Any, Any]) -> Any:
    node: Any = raw
    for part in path.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node
