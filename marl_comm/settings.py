"""What all parts of the configuration share: strictness, and types that know their range."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

LARGEST_COUNT = 10**9
LARGEST_SEED = 2**32 - 1
LONGEST_TEXT = 128  # W&B refuses longer ones


class Settings(BaseModel):
    """A frozen group of settings: no unknown keys, no converted types, no nan or infinity.

    Models have no defaults: values live in `configs/`, types and ranges live here.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        serialize_by_alias=True,
        defer_build=True,
    )


@dataclass(frozen=True)
class Imported:
    """Marks a setting whose value is imported, so that code runs which the user has named.

    Attributes:
        harmless: A pattern of values that can only name code of an installed library.
    """

    harmless: str | None = None


Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]

# Larger distances mean nothing to a policy, and would overflow its logarithms.
Magnitude = Annotated[float, Field(gt=0, le=1000)]

# W&B refuses the empty text; \p{C} are control and other invisible characters.
Text = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_TEXT,
        pattern=r"^\P{C}+$",
        description="text of 1 to 128 printable characters",
    ),
]
PathText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4096,
        pattern=r"^\P{C}+$",
        description="a path of 1 to 4096 printable characters",
    ),
]
AccountText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_TEXT,
        pattern=r"^[^\p{C}/\\#?%:]+$",
        description="text of 1 to 128 printable characters, none of them / \\ # ? % :",
    ),
]

Arguments = Annotated[
    dict[str, JsonValue],
    Field(description="a mapping of names to finite plain values, or to lists or mappings of such"),
]


MAY_READ_FILES = {"may_read_files": True}
"""Context of a validation in which what is left open may be read off files that are named."""


def may_read_files(context: Mapping[str, Any] | None) -> bool:
    """Return whether a validation has the context `MAY_READ_FILES`."""
    return context is not None and context == MAY_READ_FILES


def label_of(option: Mapping[str, Any]) -> str:
    """Return what a chosen option is called: a class of the user's own by its own name.

    Args:
        option: Its settings; `name`, and `class` where it is of the user's own.
    """
    if "class" in option:
        return str(option["class"]).rpartition(":")[2]
    return str(option["name"])


def flattened(tree: dict[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by their paths, such as "game.agents"."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        nested = isinstance(value, dict)
        flat |= flattened(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat
