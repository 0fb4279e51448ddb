"""How options are found: by looking through the folders that hold them.

Nobody keeps a list. A new file in one of these folders, with a class of settings in it that has a
name, is a new option.
"""

import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Union, get_args

from pydantic import Field

from marl_comm.errors import InputError
from marl_comm.options.answers import (
    AlgorithmSettings,
    CommunicationSettings,
    GameSettings,
    LearnerSettings,
    Option,
)

_PLACES: dict[type[Option], tuple[str, ...]] = {
    GameSettings: (
        "marl_comm.games.one_shot",
        "marl_comm.games.over_time",
        "marl_comm.games.environments",
    ),
    AlgorithmSettings: ("marl_comm.algorithms",),
    CommunicationSettings: ("marl_comm.communication",),
    LearnerSettings: ("marl_comm.learners",),
}
_SIGN = re.compile(r"^    name: Literal\[", re.MULTILINE)


@cache
def options_of(group: type[Option]) -> tuple[type[Option], ...]:
    """Return the options of a group, in the order of folders and files.

    Raises:
        InputError: One of them leaves a question open that every option must answer.
    """
    modules = [module for place in _PLACES[group] for module in _modules(place)]
    return tuple(option for module in modules for option in _options_in(module, group))


def one_of(group: type[Option]) -> Any:
    """Return the type of a group's settings: one of its options, told apart by `name`.

    Options of one name differ in what they are for, told apart by `policies`.
    """
    by_name: dict[str, list[Any]] = {}
    for option in options_of(group):
        by_name.setdefault(name_of(option), []).append(option)
    alternatives = [
        same[0]
        if len(same) == 1
        else Annotated[Union[tuple(same)], Field(discriminator="policies")]  # noqa: UP007
        for same in by_name.values()
    ]
    return Annotated[Union[tuple(alternatives)], Field(discriminator="name")]  # noqa: UP007


def name_of(option: type[Option]) -> str:
    """Return an option's name, as typed on the command line."""
    names = get_args(option.model_fields["name"].annotation)
    return str(names[0])


def refuse_incomplete(option: type[Any], what: str) -> None:
    """Raise InputError where a class leaves a question open that it must answer."""
    missing = sorted(getattr(option, "__abstractmethods__", ()))
    if missing:
        where = inspect.getsourcefile(option) or option.__module__
        raise InputError(
            f"{what}: the class {option.__name__} in {where} leaves out {', '.join(missing)}; "
            f"{option.__mro__[1].__name__} says what each must answer"
        )


def _modules(place: str) -> Iterator[ModuleType]:
    """Yield the files of a folder that define options: its own, and those of folders in it.

    Others are not imported: some need torch, which takes seconds, and this happens at every start.
    """
    package = importlib.import_module(place)
    for found in pkgutil.iter_modules(package.__path__, f"{place}."):
        if found.ispkg:
            yield from _modules(found.name)
        elif _SIGN.search(_source(found.name)):
            yield importlib.import_module(found.name)


def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


def _options_in(module: ModuleType, group: type[Option]) -> Iterator[type[Option]]:
    """Yield the options that a file defines; refuse what its classes leave out.

    Only a class whose own name begins with an underscore may leave something to its subclasses.
    """
    for candidate in vars(module).values():
        if not inspect.isclass(candidate) or candidate.__module__ != module.__name__:
            continue
        if candidate.__name__.startswith("_"):
            continue
        if issubclass(candidate, group):
            _refuse_unfinished(candidate)
            yield candidate
        else:
            refuse_incomplete(candidate, module.__name__)


def _refuse_unfinished(option: type[Option]) -> None:
    if not get_args(option.model_fields["name"].annotation):
        raise InputError(
            f"the class {option.__name__} in {option.__module__} has no name of its own to be "
            'typed on the command line, such as name: Literal["coverage"]'
        )
    refuse_incomplete(option, f"the option {name_of(option)}")
    if not getattr(option, "__final__", False):
        raise InputError(
            f"the option {name_of(option)}: the class {option.__name__} in {option.__module__} is "
            "not marked @final, without which the type checker does not see what it leaves out"
        )
