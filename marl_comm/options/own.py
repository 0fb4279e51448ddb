"""Classes of the user's own, named by where they are imported from: `mypkg.games:StagHunt`."""

import importlib
import inspect
import sys
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from marl_comm.errors import InputError
from marl_comm.options.answers import Option
from marl_comm.options.found import refuse_incomplete
from marl_comm.options.watched import reason_of
from marl_comm.settings import Arguments, Imported

T = TypeVar("T")

ImportPath = Annotated[
    str,
    Field(
        min_length=3,
        max_length=128,
        pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$",
        description="MODULE:CLASS, such as mypkg.games:StagHunt",
    ),
    Imported(),
]


class OwnOption(Option):
    """What options share that are a class of the user's own.

    Attributes:
        class_: Where it is imported from; the key is `class`.
        arguments: Passed to the class by name.
    """

    class_: Annotated[ImportPath, Field(alias="class")]
    arguments: Arguments


def imported(path: str, key: str, kind: type[T]) -> type[T]:
    """Import a class of the user's own.

    Args:
        path: MODULE:CLASS.
        key: The setting that names it.
        kind: What it must be a subclass of.

    Raises:
        InputError: It cannot be imported, is of another kind, or leaves something out.
    """
    module_name, _, name = path.partition(":")
    find_modules_here()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # Where a module that it imports is missing, that one has to be named.
        missing = "" if error.name == module_name else f": there is no module {error.name}"
        raise InputError(
            f"{key}={path}: {module_name} cannot be imported{missing}; modules are looked for in "
            f"the current directory, {Path.cwd()}, in PYTHONPATH and among installed packages"
        ) from error
    except (Exception, SystemExit) as error:  # whatever a module of somebody else's raises
        raise InputError(
            f"{key}={path}: {module_name} cannot be imported ({reason_of(error)})"
        ) from error
    found = getattr(module, name, None)
    if found is None:
        raise InputError(f"{key}={path}: {module_name} has no {name}")
    if not inspect.isclass(found) or not issubclass(found, kind):
        raise InputError(
            f"{key}={path}: {name} must be a subclass of {kind.__module__}.{kind.__name__}"
        )
    refuse_incomplete(found, f"{key}={path}")
    return found


def made(made_of: type[T], path: str, key: str, *given: Any, **arguments: Any) -> T:
    """Make an object of a class of the user's own.

    Args:
        made_of: The class.
        path: What names it.
        key: The setting that names it.
        given: What the project passes, in order.
        arguments: What the user's configuration adds.

    Raises:
        InputError: The class does not take these arguments, or refuses them.
    """
    try:
        return made_of(*given, **arguments)
    except InputError as error:
        named = f"{key}={path}: "
        raise InputError(named + str(error).removeprefix(named)) from error
    except Exception as error:
        raise InputError(
            f"{key}={path}: it cannot be made ({reason_of(error, made_of)})"
        ) from error


def find_modules_here() -> None:
    """Make modules in the current directory importable, after all others.

    `python -m` does so by itself, a console script does not. Python is asked not to by the
    option -P.
    """
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path and not sys.flags.safe_path:
        sys.path.append(here)
