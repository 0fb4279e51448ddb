"""The keys of the configuration, read off the schema: their paths and what each allows."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from marl_comm.config.run import RunConfig

Schema = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """One setting.

    Attributes:
        path: As typed on the command line, such as "game.agents".
        option: The option of its group that has it, such as "coverage"; None outside of groups.
        policies: Which kind of policies it is about, "tables" or "networks", where an option
            differs between the two; else None.
        allowed: Its values in words.
    """

    path: str
    option: str | None
    policies: str | None
    allowed: str


@cache
def keys() -> tuple[Key, ...]:
    """Return every setting of every option, in the order of the schema."""
    return tuple(_walk(_schema(), "", None, None))


@cache
def options() -> dict[str, list[str]]:
    """Return the options of each configuration group."""
    found: dict[str, list[str]] = {}
    for key in keys():
        group, _, name = key.path.rpartition(".")
        if name == "name" and key.option is not None:
            found.setdefault(group, []).append(key.option)
    return {group: list(dict.fromkeys(names)) for group, names in found.items()}


@cache
def _schema() -> Schema:
    return RunConfig.model_json_schema()


def _walk(node: Schema, prefix: str, option: str | None, policies: str | None) -> Iterator[Key]:
    for name, child in node["properties"].items():
        path = f"{prefix}{name}"
        for model in _models(child):
            if "properties" in model:
                named = model["properties"].get("name", {}).get("const", option)
                kind = model["properties"].get("policies", {}).get("const", policies)
                yield from _walk(model, f"{path}.", named, kind)
            else:
                yield Key(path, option, policies, _in_words(model))


def _models(node: Schema) -> list[Schema]:
    """Return the alternatives of a union, those of unions in it included; else the node itself."""
    if "oneOf" not in node:
        return [_resolved(node)]
    return [model for alternative in node["oneOf"] for model in _models(alternative)]


def _resolved(node: Schema) -> Schema:
    reference = node.get("$ref")
    if reference is None:
        return node
    definition: Schema = _schema()["$defs"][reference.rpartition("/")[2]]
    return definition


def _in_words(node: Schema) -> str:
    """Return which values a JSON schema without objects allows."""
    if "description" in node:
        return str(node["description"])
    if "anyOf" in node:
        null_first = sorted(node["anyOf"], key=lambda choice: choice.get("type") != "null")
        return " or ".join(_in_words(choice) for choice in null_first)
    if "const" in node:
        return str(node["const"])
    if "enum" in node:
        return f"one of {', '.join(node['enum'])}"
    if node["type"] == "array":
        size = f"{node.get('minItems', 0)} to {node['maxItems']}"
        return f"a list of {size} entries, each {_in_words(node['items'])}"
    if node["type"] == "boolean":
        return "true or false"
    if node["type"] in ("integer", "number"):
        noun = "an integer" if node["type"] == "integer" else "a number"
        return f"{noun}, {_range(node)}"
    return str(node["type"])


def _range(node: Schema) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    limits = [f"{word} {_number(node[bound])}" for bound, word in words.items() if bound in node]
    return " and ".join(limits)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.15g}"
