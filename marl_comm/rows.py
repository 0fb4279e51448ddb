"""Rows of records: taken, put, kept, saved and loaded, for every record of arrays in one place.

A record is a class, marked `@record`, with one row per seed on the first axis of its arrays. Each
of its attributes says at its annotation what it is; nothing is guessed:

    Rows      has rows, and a checkpoint holds it
    Derived   has rows, but follows from the rest: a checkpoint does without
    Shared    one for all rows, and changes: a checkpoint holds it
    Fixed     one for all rows, and never changes while a run lasts

What has rows is a numpy array or torch tensor, another record, None, or a tuple, list or dict of
such. A class with more to do than to index arrays says so in a method `take_rows(rows)`, which
returns a copy, or `put_rows(rows, other)`: `take`, `keep` and `put` then call that. The latter may
call `put_each` for the usual.
"""

import enum
import sys
from collections.abc import Callable, Mapping
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    NamedTuple,
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

_LAYOUT = "__layout_of_rows__"
_CHOICE = " or ".join((", ".join(kind.value for kind in list(_Kind)[:-1]), _Kind.FIXED.value))


class _Layout(NamedTuple):
    """What a class has said: all names, those with rows, and those saved, by their names there."""

    names: frozenset[str]
    with_rows: tuple[str, ...]
    with_saved_rows: dict[str, str]
    shared: dict[str, str]


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
    layout = _Layout(
        frozenset(kinds),
        tuple(name for name, kind in kinds.items() if kind in (_Kind.ROWS, _Kind.DERIVED)),
        {name.removeprefix("_"): name for name, kind in kinds.items() if kind is _Kind.ROWS},
        {name.removeprefix("_"): name for name, kind in kinds.items() if kind is _Kind.SHARED},
    )
    if len({name.removeprefix("_") for name in kinds}) < len(kinds):
        raise TypeError(f"{cls.__qualname__}: two attributes have the same name but for a _")
    setattr(cls, _LAYOUT, layout)
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
    for name in _layout(holder).with_rows:
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


def put_each(holder: T, rows: Chosen, other: T) -> None:
    """Put each attribute that has rows; what `put` does where a class has no `put_rows`.

    Raises:
        TypeError: As `put`.
        ValueError: As `put`.
    """
    for name in _layout(holder).with_rows:
        _put(getattr(holder, name), rows, getattr(other, name))


def saved(holder: Any) -> dict[str, Any]:
    """Return what a checkpoint must hold of a record, as arrays of numpy and plain values.

    Arrays are not copied. Names lose the underscore that they begin with.

    Raises:
        TypeError: As `take`.
    """
    layout, values = _layout(holder), vars(holder)
    with_rows = {short: _saved(values[name]) for short, name in layout.with_saved_rows.items()}
    return with_rows | {short: values[name] for short, name in layout.shared.items()}


def load(holder: Any, state: Mapping[str, Any]) -> None:
    """Put back, in place, what `saved` has returned.

    Arrays become what they are now: of numpy, or tensors on the same device. Records are filled;
    where there is None now, `state` must hold the record itself, as `loaded` returns it.

    Raises:
        TypeError: `state` is of something else.
    """
    layout, values = _layout(holder), vars(holder)
    _check_names(type(holder), layout, state)
    for short, name in layout.with_saved_rows.items():
        values[name] = _loaded(values[name], state[short])
    values.update((name, state[short]) for short, name in layout.shared.items())


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
    layout: _Layout = getattr(cls, _LAYOUT)
    _check_names(cls, layout, state)
    arrays = {name: _built(name, state[name], device) for name in layout.with_saved_rows}
    return cls(**arrays, **{name: state[name] for name in layout.shared})


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
    if type(array) is type(rows) is np.ndarray:
        return rows
    if _is_tensor(array):
        tensor = rows if _is_tensor(rows) else sys.modules["torch"].from_numpy(rows)
        return tensor.to(array.device)
    return rows.cpu().numpy() if _is_tensor(rows) else rows


def _is_tensor(value: Any) -> TypeGuard["Tensor"]:
    # Where torch was never imported, there are no tensors.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_whole(value: Any) -> bool:
    return _is_tensor(value) and "int" in str(value.dtype)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or _is_tensor(value)


def _is_record(value: Any) -> bool:
    return hasattr(type(value), _LAYOUT)


def _check(rows: Chosen) -> None:
    """Refuse what would be read in another way than as row numbers: masks, or views by slices."""
    integers = rows.dtype.kind in "iu" if isinstance(rows, np.ndarray) else _is_whole(rows)
    if not integers or rows.ndim != 1:
        raise TypeError(f"rows are given by an array of integers (n,), not by {rows!r}")


def _layout(holder: Any) -> _Layout:
    """Return what the class of a record has said, if it has and that is all there is."""
    layout: _Layout | None = getattr(type(holder), _LAYOUT, None)
    name = type(holder).__qualname__
    if layout is None:
        raise TypeError(f"{name} is no @record: it does not say which of its attributes have rows")
    if vars(holder).keys() != layout.names:
        odd = ", ".join(sorted(vars(holder).keys() ^ layout.names))
        raise TypeError(f"{name}: each attribute must be declared as {_CHOICE}, and set: {odd}")
    return layout


def _taken(value: Any, rows: Chosen) -> Any:
    if _is_array(value):
        return value[index_of(value, rows)]
    if value is None:
        return None
    if isinstance(value, tuple | list):
        return type(value)(_taken(part, rows) for part in value)
    if isinstance(value, dict):
        return {name: _taken(part, rows) for name, part in value.items()}
    layout = _layout(value)
    if hasattr(value, "take_rows"):
        return value.take_rows(rows)
    taken = object.__new__(type(value))
    values = vars(taken)
    values.update(vars(value))
    for name in layout.with_rows:
        values[name] = _taken(values[name], rows)
    return taken


def _put(value: Any, rows: Chosen, other: Any) -> None:
    if type(value) is not type(other):
        raise TypeError(f"rows of {type(other).__name__} do not fit into {type(value).__name__}")
    if _is_array(value):
        fits = len(other) == len(rows) and other.shape[1:] == value.shape[1:]
        if not fits or other.dtype != value.dtype:
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
        _layout(value)
        if hasattr(value, "put_rows"):
            value.put_rows(rows, other)
        else:
            put_each(value, rows, other)


def _saved(value: Any) -> Any:
    if _is_tensor(value):
        return value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) or value is None:
        return value
    if isinstance(value, tuple | list):
        return [_saved(part) for part in value]
    if isinstance(value, dict):
        return {name: _saved(part) for name, part in value.items()}
    return saved(value)


def _check_names(cls: Any, layout: _Layout, state: Mapping[str, Any]) -> None:
    """Refuse what is not exactly the saved attributes of a class."""
    names = layout.with_saved_rows.keys() | layout.shared.keys()
    if state.keys() != names:
        raise TypeError(f"{cls.__qualname__} has {sorted(names)}, not {sorted(state)}")


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
