"""What tells two sets of run directories apart: digests of files, and the fields that differ."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

CONFIG, METRICS, FINAL, SUMMARY = "config.yaml", "metrics.jsonl", "final.npz", "summary.json"
FILES = (CONFIG, METRICS, FINAL, SUMMARY)
Fields = dict[str, Any]
_NUMBERS = re.compile(r"\[\d+\]")
_SHOWN = 60  # characters of a value


class Difference(NamedTuple):
    """One thing in which a file of a run is not as it was.

    Attributes:
        file: Its name.
        kind: "added", "removed" or "changed" for fields; "file" for whatever else.
        field: The field's name, dots between levels; empty where it is no field.
        detail: What was found.
    """

    file: str
    kind: str
    field: str
    detail: str

    @property
    def in_short(self) -> str:
        """What is the same in all runs and seeds that differ in this."""
        place = self.field or self.detail
        return f"{self.file}: {self.kind} {_NUMBERS.sub('', place)}"

    def allowed_by(self, names: list[str]) -> bool:
        """Return whether this is an added field that the names, or a level above it, allow."""
        field = _NUMBERS.sub("", self.field)
        return self.kind == "added" and any(f"{field}.".startswith(f"{name}.") for name in names)

    def __str__(self) -> str:
        return " ".join(part for part in (f"{self.file}:", *self[1:]) if part)


def run_directories(folder: Path) -> dict[str, Path]:
    """Return the run directories below a folder, by their paths in it; plans of sweeps are none."""
    found = sorted(file.parent for file in folder.rglob(CONFIG))
    return {path.relative_to(folder).as_posix(): path for path in found}


def digests(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a run that is there, and of each array of the last."""
    found = {}
    for name in FILES:
        if (directory / name).exists():
            found[name] = hashlib.sha256(_content(directory / name)).hexdigest()
    if FINAL in found:
        with np.load(directory / FINAL, allow_pickle=False) as arrays:
            for name, array in arrays.items():
                described = f"{array.dtype} {array.shape} ".encode() + array.tobytes()
                found[f"{FINAL}/{name}"] = hashlib.sha256(described).hexdigest()
    return found


def differences(before: Path, after: Path) -> list[Difference]:
    """Return in what a run directory differs from what it was."""
    found = []
    for name in FILES:
        old, new = before / name, after / name
        if old.exists() != new.exists():
            there = "no longer there" if old.exists() else "was not there"
            found.append(Difference(name, "file", "", there))
        elif old.exists() and (contents := (_content(old), _content(new)))[0] != contents[1]:
            try:
                found += list(_READERS[name](name, *contents)) or [_of_form(name)]
            except (ValueError, yaml.YAMLError) as error:
                found.append(Difference(name, "file", "", f"cannot be read: {error}"))
    return found


def _content(file: Path) -> bytes:
    content = file.read_bytes()
    if file.name == SUMMARY:  # which versions of libraries were used is no result
        summary = json.loads(content)
        summary.pop("versions", None)
        return json.dumps(summary).encode()
    return content


def _of_form(name: str) -> Difference:
    return Difference(name, "file", "", "other bytes, though all fields are equal")


def _documents(name: str, before: bytes, after: bytes) -> Iterator[Difference]:
    load, dump = _FORMS[name]
    old, new = load(before), load(after)
    yield from _fields(name, _flat(old), _flat(new))
    yield from _form(name, before == dump(old), after == dump(new))


def _lines(name: str, before: bytes, after: bytes) -> Iterator[Difference]:
    """Compare files of one JSON object per line, each field over all lines."""
    load, dump = _FORMS[name]
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if len(old) != len(new):
        yield Difference(name, "file", "", f"{len(old)} -> {len(new)} lines")
    olds, news = [_flat(load(line)) for line in old], [_flat(load(line)) for line in new]
    all_old = {field for line in olds for field in line}
    all_new = {field for line in news for field in line}
    pairs = list(zip(olds, news, strict=False))
    for field in sorted(all_new - all_old):
        yield Difference(name, "added", field, f"in {sum(field in f for f in news)} lines")
    for field in sorted(all_old - all_new):
        yield Difference(name, "removed", field, f"from {sum(field in f for f in olds)} lines")
    for field in sorted(all_old & all_new):
        moved = [i for i, (a, b) in enumerate(pairs) if _text(a, field) != _text(b, field)]
        if moved:
            first, second = (_text(fields, field) for fields in pairs[moved[0]])
            where = f"in {len(moved)} of {len(pairs)} lines, first in line {moved[0] + 1}"
            yield Difference(name, "changed", field, f"{where}: {first} -> {second}")
    if any(not _same_order(a, b) for a, b in pairs):
        yield Difference(name, "file", "", "fields in another order")
    as_known = [all(line == dump(load(line)) for line in lines) for lines in (old, new)]
    yield from _form(name, *as_known)


def _arrays(name: str, before: bytes, after: bytes) -> Iterator[Difference]:
    with np.load(io.BytesIO(before)) as archive:
        old = dict(archive)
    with np.load(io.BytesIO(after)) as archive:
        new = dict(archive)
    yield from _fields(name, dict.fromkeys(old), dict.fromkeys(new))
    for field in sorted(old.keys() & new.keys()):
        a, b = old[field], new[field]
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            sizes = f"{a.dtype}{a.shape} -> {b.dtype}{b.shape}"
            yield Difference(name, "changed", field, sizes)
        elif a.tobytes() != b.tobytes():
            unequal = a != b
            largest = abs(a.astype(float) - b.astype(float)).max()
            detail = f"{unequal.sum()} of {a.size} numbers, by up to {largest:.3g}"
            yield Difference(name, "changed", field, detail)


def _fields(name: str, old: Fields, new: Fields) -> Iterator[Difference]:
    for field in sorted(new.keys() - old.keys()):
        yield Difference(name, "added", field, _text(new, field))
    for field in sorted(old.keys() - new.keys()):
        yield Difference(name, "removed", field, _text(old, field))
    for field in sorted(old.keys() & new.keys()):
        first, second = repr(old[field]), repr(new[field])
        if first != second:
            detail = f"{first[:_SHOWN]} -> {second[:_SHOWN]}"
            yield Difference(name, "changed", field, detail)
    if not _same_order(old, new):
        yield Difference(name, "file", "", "fields in another order")


def _same_order(old: Fields, new: Fields) -> bool:
    return [f for f in old if f in new] == [f for f in new if f in old]


def _form(name: str, old_is_known: bool, new_is_known: bool) -> Iterator[Difference]:
    """Yield a difference unless equal fields in equal order mean equal bytes in both files."""
    if not (old_is_known and new_is_known):
        yield Difference(name, "file", "", "not written in the form that the gate knows")


def _flat(value: Any, path: str = "") -> Fields:
    """Return the plain values of nested mappings and lists of mappings by their paths."""
    entries: dict[str, Any] = {}
    if isinstance(value, dict) and value:
        entries = {f"{path}.{key}" if path else str(key): entry for key, entry in value.items()}
    elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        entries = {f"{path}[{number}]": entry for number, entry in enumerate(value)}
    else:
        return {path: value}
    return {name: plain for key in entries for name, plain in _flat(entries[key], key).items()}


def _text(fields: Fields, field: str) -> str:
    return repr(fields[field])[:_SHOWN] if field in fields else "nothing"


def _yaml(document: Any) -> bytes:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()


def _json_line(document: Any) -> bytes:
    return (json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


_FORMS: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    CONFIG: (yaml.safe_load, _yaml),
    METRICS: (json.loads, _json_line),
    SUMMARY: (json.loads, lambda document: json.dumps(document).encode()),
}
_READERS: dict[str, Callable[[str, bytes, bytes], Iterator[Difference]]] = {
    CONFIG: _documents,
    METRICS: _lines,
    FINAL: _arrays,
    SUMMARY: _documents,
}
