"""Rows of records: taken, put, kept, saved and loaded, for every record of arrays in one place.

A record is a class, marked `@record`, with one row per seed on the first axis of its arrays. Each
of its attributes says at its annotation what it is; nothing is guessed:

    Rows      has rows, and a checkpoint holds it
    Derived   has rows, but follows from the rest: a checkpoint does without
    Shared    one for all rows, and changes: a checkpoint holds it
    Fixed     one for all rows, and never changes while a run lasts

What has rows is a numpy array or torch tensor, another record, None, or a tuple, list or dict of
such. A class with more to do than to index arrays says so in a method `take_rows(rows)`, which
returns a copy, or `put_rows(rows, other)`: `take`, `keep` and `put` then call that.
"""

import enum
import sys
from collections.abc import Callable, Mapping
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    TypeAlias,
    TypeGuard,
    TypeVar,
    get_origin,
    get_type_hints,
)

import numpy as np

from marl_comm.arrays import IntArray

if TYPE_CHECKING:  # importing torch takes longer than a refused command line
    import torch
    from torch import Tensor

T = TypeVar("T")
Chosen: TypeAlias = "IntArray | Tensor"
"""Row numbers, (n,), for arrays of numpy and tensors alike."""


class _Kind(enum.Enum):
    ROWS = "Rows"
    DERIVED = "Derived"
    SHARED = "Shared"
    FIXED = "Fixed"


Rows = Annotated[T, _Kind.ROWS]
Derived = Annotated[T, _Kind.DERIVED]
Shared = Annotated[T, _Kind.SHARED]
Fixed = Annotated[T, _Kind.FIXED]

_WITH_ROWS = (_Kind.ROWS, _Kind.DERIVED)
_SAVED = (_Kind.ROWS, _Kind.SHARED)
_KINDS = "__kinds_of_attributes__"
_CHOICE = " or ".join((", ".join(kind.value for kind in list(_Kind)[:-1]), _Kind.FIXED.value))


def record(cls: type[T]) -> type[T]:
    """Mark a class as a record.

    Raises:
        TypeError: An annotated attribute does not say what it is.
    """
    kinds: dict[str, _Kind] = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        if hint is ClassVar or get_origin(hint) is ClassVar:
            continue
        said = [word for word in getattr(hint, "__metadata__", ()) if isinstance(word, _Kind)]
        if len(said) != 1:
            raise TypeError(f"{cls.__qualname__}.{name}: must be one of {_CHOICE}")
        kinds[name] = said[0]
    if len({_saved_name(name) for name in kinds}) < len(kinds):
        raise TypeError(f"{cls.__qualname__}: two attributes have the same name but for a _")
    setattr(cls, _KINDS, kinds)
    return cls


def take(value: T, rows: Chosen) -> T:
    """Return a copy of the given rows, in the given order.

    Args:
        value: A record, or anything else that has rows.
        rows: (n,), integers.

    Raises:
        TypeError: It, or something in it, is no such thing; or a class does not say what it is.
    """
    _check(rows)
    taken: T = _taken(value, rows)
    return taken


def keep(holder: Any, rows: Chosen) -> None:
    """Drop all rows of a record but the given ones, (n,), in place.

    Raises:
        TypeError: As `take`.
    """
    _check(rows)
    for name, kind in _kinds(holder).items():
        if kind in _WITH_ROWS:
            setattr(holder, name, _taken(getattr(holder, name), rows))


def put(value: T, rows: Chosen, other: T) -> None:
    """Overwrite the given rows, in place, by all rows of `other`, in its order.

    Args:
        value: A record, or anything else that has rows but None.
        rows: (n,), integers.
        other: Of the same kind, with n rows.

    Raises:
        TypeError: As `take`; or the two are not alike.
        ValueError: Shapes do not fit: nothing is broadcast.
    """
    _check(rows)
    _put(value, rows, other)


def saved(holder: Any) -> dict[str, Any]:
    """Return what a checkpoint must hold of a record, as arrays of numpy and plain values.

    Arrays are not copied. Names lose the underscore that they begin with.

    Raises:
        TypeError: As `take`.
    """
    return {
        _saved_name(name): _saved(getattr(holder, name), has_rows=kind is _Kind.ROWS)
        for name, kind in _kinds(holder).items()
        if kind in _SAVED
    }


def load(holder: Any, state: Mapping[str, Any]) -> None:
    """Put back, in place, what `saved` has returned.

    Arrays become what they are now: of numpy, or tensors on the same device. Records are filled;
    where there is None now, `state` must hold the record itself, as `loaded` returns it.

    Raises:
        TypeError: `state` is of something else.
    """
    kinds = _kinds(holder)
    for name, entry in _entries(type(holder), kinds, state).items():
        has_rows = kinds[name] is _Kind.ROWS
        setattr(holder, name, _loaded(getattr(holder, name), entry) if has_rows else entry)


def loaded(
    cls: Callable[..., T], state: Mapping[str, Any], device: "torch.device | None" = None
) -> T:
    """Return the record, built from nothing but arrays, of which `saved` has returned `state`.

    Args:
        cls: Its class; its arguments have the names of its attributes.
        state: Arrays by name, or None in place of one.
        device: Where its tensors are; None for arrays of numpy.

    Raises:
        TypeError: `state` is of something else.
    """
    entries = _entries(cls, getattr(cls, _KINDS), state)
    return cls(**{name: _built(name, entry, device) for name, entry in entries.items()})


class Saveable:
    """A record that is asked for its state, and to take one over, by whoever keeps checkpoints."""

    def state(self) -> dict[str, Any]:
        """Return all that changes, for a checkpoint."""
        return saved(self)

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint."""
        load(self, state)


def index_of(array: Any, rows: Chosen) -> Any:
    """Return row numbers as an index of an array: of numpy, or a tensor on the same device."""
    if _is_tensor(array):
        tensor = rows if _is_tensor(rows) else sys.modules["torch"].from_numpy(rows)
        return tensor.to(array.device)
    return rows.cpu().numpy() if _is_tensor(rows) else rows


def _is_tensor(value: Any) -> TypeGuard["Tensor"]:
    # Where torch was never imported, there are no tensors.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or _is_tensor(value)


def _is_record(value: Any) -> bool:
    return hasattr(type(value), _KINDS)


def _saved_name(name: str) -> str:
    return name.removeprefix("_")


def _check(rows: Chosen) -> None:
    """Refuse what would be read in another way than as row numbers: masks, or views by slices."""
    if not _is_array(rows) or rows.ndim != 1 or "int" not in str(rows.dtype):
        raise TypeError(f"rows are given by an array of integers (n,), not by {rows!r}")


def _kinds(holder: Any) -> dict[str, _Kind]:
    """Return what each attribute is."""
    kinds: dict[str, _Kind] | None = getattr(type(holder), _KINDS, None)
    name = type(holder).__qualname__
    if kinds is None:
        raise TypeError(f"{name} is no @record: it does not say which of its attributes have rows")
    if vars(holder).keys() != kinds.keys():
        odd = ", ".join(sorted(vars(holder).keys() ^ kinds.keys()))
        raise TypeError(f"{name}: each attribute must be declared as {_CHOICE}, and set: {odd}")
    return kinds


def _taken(value: Any, rows: Chosen) -> Any:
    if _is_array(value):
        return value[index_of(value, rows)]
    if value is None:
        return None
    if isinstance(value, tuple | list):
        return type(value)(_taken(part, rows) for part in value)
    if isinstance(value, dict):
        return {name: _taken(part, rows) for name, part in value.items()}
    kinds = _kinds(value)
    if hasattr(value, "take_rows"):
        return value.take_rows(rows)
    taken = object.__new__(type(value))
    for name, kind in kinds.items():
        part = getattr(value, name)
        vars(taken)[name] = _taken(part, rows) if kind in _WITH_ROWS else part
    return taken


def _put(value: Any, rows: Chosen, other: Any) -> None:
    if type(value) is not type(other):
        raise TypeError(f"rows of {type(other).__name__} do not fit into {type(value).__name__}")
    if _is_array(value):
        if other.shape != (len(rows), *value.shape[1:]) or other.dtype != value.dtype:
            raise ValueError(
                f"{len(rows)} rows of {tuple(value.shape)} {value.dtype} are not overwritten by "
                f"{tuple(other.shape)} {other.dtype}"
            )
        value[index_of(value, rows)] = other
    elif isinstance(value, tuple | list):
        for part, new in zip(value, other, strict=True):
            _put(part, rows, new)
    elif isinstance(value, dict):
        if value.keys() != other.keys():
            raise TypeError(f"rows of {list(other)} do not fit into {list(value)}")
        for name, part in value.items():
            _put(part, rows, other[name])
    elif value is not None:
        kinds = _kinds(value)
        if hasattr(value, "put_rows"):
            value.put_rows(rows, other)
            return
        for name, kind in kinds.items():
            if kind in _WITH_ROWS:
                _put(getattr(value, name), rows, getattr(other, name))


def _saved(value: Any, *, has_rows: bool) -> Any:
    if _is_tensor(value):
        return value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) or value is None:
        return value
    if isinstance(value, tuple | list):
        return [_saved(part, has_rows=has_rows) for part in value]
    if isinstance(value, dict):
        return {name: _saved(part, has_rows=has_rows) for name, part in value.items()}
    return saved(value) if has_rows else value


def _entries(cls: Any, kinds: Mapping[str, _Kind], state: Mapping[str, Any]) -> dict[str, Any]:
    """Return saved values by the name of the attribute, if they are exactly those of a class."""
    names = {_saved_name(name): name for name, kind in kinds.items() if kind in _SAVED}
    if state.keys() != names.keys():
        raise TypeError(f"{cls.__qualname__} has {sorted(names)}, not {sorted(state)}")
    return {name: state[saved_name] for saved_name, name in names.items()}


def _loaded(now: Any, entry: Any) -> Any:
    """Return a saved value as what takes the place of the one there is now."""
    if _is_record(entry):
        return entry
    if _is_record(now) and isinstance(entry, dict):
        load(now, entry)
        return now
    if _is_array(now) and isinstance(entry, np.ndarray):
        return entry if isinstance(now, np.ndarray) else _tensor(entry, now.device)
    if isinstance(now, tuple | list) and isinstance(entry, list) and len(now) == len(entry):
        return type(now)(_loaded(*pair) for pair in zip(now, entry, strict=True))
    if isinstance(now, dict) and isinstance(entry, dict) and now.keys() == entry.keys():
        return {name: _loaded(part, entry[name]) for name, part in now.items()}
    if now is None and entry is None:
        return None
    raise TypeError(f"a saved {type(entry).__name__} does not replace a {type(now).__name__}")


def _built(name: str, entry: Any, device: "torch.device | None") -> Any:
    if isinstance(entry, np.ndarray) and device is not None:
        return _tensor(entry, device)
    if isinstance(entry, np.ndarray) or entry is None:
        return entry
    raise TypeError(f"{name} is not an array but {type(entry).__name__}")


def _tensor(array: Any, device: Any) -> "Tensor":
    tensor: Tensor = sys.modules["torch"].from_numpy(array).to(device)
    return tensor
