"""What classes of the user's own return is checked, each time, before it makes wrong numbers."""

import sys
import traceback
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np

from marl_comm.arrays import AnyArray
from marl_comm.errors import InputError, NumbersError, OutputError

T = TypeVar("T")

ROUNDING = 1e-9
"""How far sums of probabilities may be from 1."""

_WRAPPED = 200  # rewards as large as this look like unsigned integers that went below 0


class Checks:
    """Base of the classes that check what another one's methods return, by overriding them.

    Attributes:
        named_by: The key and import path of the class that is checked.
    """

    named_by: str

    @contextmanager
    def calling(self, method: str) -> Iterator[None]:
        """Tell in one line what a method raises.

        Args:
            method: Its name.

        Raises:
            InputError: It has raised something.
        """
        with calling(type(self), self.named_by, method):
            yield

    def wrong(self, method: str, what: str) -> InputError:
        """Return the error that says what is wrong with a method."""
        return InputError(f"{self.named_by}: {method}() {what}")

    def checked_array(
        self, method: str, found: Any, shape: tuple[int, ...], what: str = "what it returns"
    ) -> None:
        """Refuse anything but an array of the shape, of type float64 and finite.

        Raises:
            InputError: It is something else.
        """
        if not isinstance(found, np.ndarray) or found.dtype != np.float64 or found.shape != shape:
            raise self.wrong(
                method, f"must give a float64 array of shape {shape} for {what}, not {kind(found)}"
            )
        if not np.isfinite(found).all():
            raise self.wrong(method, f"must give finite numbers for {what}, not nan or infinity")

    def checked_rewards(
        self, method: str, found: Any, shape: tuple[int, ...], actions: AnyArray | None = None
    ) -> None:
        """Refuse anything but rewards in [0, 1], of the shape.

        Args:
            method: The method that has returned them.
            found: What it has returned.
            shape: The shape that they must have.
            actions: The joint actions that it was given, if any.

        Raises:
            InputError: They are something else.
        """
        self.checked_array(method, found, shape, "rewards")
        if found.size and (found.min() < -ROUNDING or found.max() > 1 + ROUNDING):
            hint = "scale them"
            unsigned = actions is not None and actions.dtype.kind == "u"
            if unsigned and max(-found.min(), found.max()) > _WRAPPED:
                hint = (
                    "joint actions are unsigned integers, which have no negative numbers: convert "
                    "them to float64 before you subtract"
                )
            raise self.wrong(
                method,
                f"must give rewards in [0, 1], not from {found.min():g} to {found.max():g}; {hint}",
            )

    def checked_probabilities(
        self, method: str, found: Any, shape: tuple[int, ...], what: str
    ) -> None:
        """Refuse anything but probabilities, of the shape, that sum to 1 over the last axis.

        Raises:
            InputError: They are something else.
        """
        self.checked_array(method, found, shape, what)
        if found.size == 0:
            return
        sums = found.sum(axis=-1)
        if found.min() < 0 or np.abs(sums - 1).max() > ROUNDING:
            raise self.wrong(
                method, f"must give {what} that are at least 0 and sum to 1 over the last axis"
            )

    def checked_arrays(self, found: Any, games: int) -> None:
        """Refuse arrays that cannot be stored beside the final policy.

        Raises:
            InputError: One cannot.
        """
        if not isinstance(found, dict):
            raise self.wrong("arrays", f"must give a dict of arrays by name, not {kind(found)}")
        for name, array in found.items():
            if not isinstance(name, str) or not name.isidentifier() or name in ("policy", "file"):
                raise self.wrong(
                    "arrays", f"must name its arrays by words other than policy and file: {name!r}"
                )
            numbers = isinstance(array, np.ndarray) and array.dtype.kind in "biuf"
            if not numbers or array.ndim == 0 or len(array) != games:
                raise self.wrong(
                    "arrays",
                    f"must give for {name} an array of numbers with a first axis of length "
                    f"{games}, the number of games, not {kind(array)}",
                )


def watched(of: type[T], checks: type, named_by: str, **attributes: Any) -> type[T]:
    """Return a class of the user's own, made to check what its methods return.

    Args:
        of: The class.
        checks: A subclass of `Checks` that overrides the methods, and calls them.
        named_by: The key and import path that name it.
        attributes: What else the checks know it by.
    """

    def fill(namespace: dict[str, Any]) -> None:
        namespace.update(attributes, named_by=named_by, __module__=of.__module__)

    return cast(type[T], types.new_class(of.__name__, (checks, of), exec_body=fill))


@contextmanager
def calling(of: type, named_by: str, method: str) -> Iterator[None]:
    """Tell in one line what a method of a class of the user's own raises.

    Raises:
        InputError: It has raised something.
    """
    try:
        yield
    except (InputError, NumbersError, OutputError):
        raise
    except Exception as error:
        raise InputError(f"{named_by}: {method}() fails ({reason_of(error, of)})") from error


def reason_of(error: BaseException, raised_in: type | None = None) -> str:
    """Return what an error of somebody else's class says, in one line, and where it was raised."""
    text = " ".join(str(error).split())
    reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
    file = None
    if raised_in is not None:
        file = getattr(sys.modules.get(raised_in.__module__), "__file__", None)
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == file]
    return f"{reason}; {file}, line {lines[-1]}" if lines else reason


def kind(value: Any) -> str:
    """Return what a value is, as an author of arrays would say."""
    name = type(value).__name__
    if isinstance(value, np.ndarray):
        name = f"{value.dtype} array of shape {value.shape}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
