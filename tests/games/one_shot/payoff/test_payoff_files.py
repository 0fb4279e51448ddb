"""Files of payoffs: what is read of them, and that whatever else they are takes one line."""

import builtins
import contextlib
import hashlib
import io
import itertools
import os
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pygambit
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marl_comm.command_line.composition import compose
from marl_comm.config.loading import load_saved
from marl_comm.errors import InputError
from marl_comm.games.one_shot.payoff import sizes
from marl_comm.games.one_shot.payoff.settings import PayoffSettings
from marl_comm.games.one_shot.payoff.table import read

TEAM = np.array([[4.0, 0.0], [3.0, 2.0]])


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def game(*overrides: str) -> PayoffSettings:
    chosen = compose("game=payoff", *overrides).game
    assert isinstance(chosen, PayoffSettings)
    return chosen


def refusal(*overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        compose("game=payoff", *overrides).ready()
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 1000
    return line


def test_sizes_and_digest_come_from_the_file() -> None:
    np.savez("team.npz", team_payoff=np.arange(81).reshape(3, 3, 3, 3))
    chosen = game("game.file=team.npz")
    assert (chosen.agents, chosen.actions, chosen.payoffs) == (4, 3, "team")
    assert chosen.sha256 == hashlib.sha256(Path("team.npz").read_bytes()).hexdigest()
    np.savez_compressed("own.npz", own_payoffs=np.arange(81.0).reshape(3, 3, 3, 3))
    chosen = game("game.file=own.npz")
    assert (chosen.agents, chosen.actions, chosen.payoffs) == (3, 3, "own")
    assert game("game.file=own.npz", f"game.sha256={chosen.sha256}", "game.agents=3") == chosen


@pytest.mark.parametrize("kind", ["i1", "u8", "i8", "f2", "f4", ">f8", "f16"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_payoffs_of_any_type_and_order_are_read_alike(kind: str, order: Any) -> None:
    payoffs = np.arange(9).reshape(3, 3)
    np.savez("table.npz", team_payoff=np.asarray(payoffs, dtype=kind, order=order))
    table = read("table.npz")
    assert table.payoffs.dtype == np.float64
    assert table.payoffs.flags.c_contiguous
    assert table.payoffs.tolist() == (payoffs / 8).tolist()
    assert table.scale == (0.0, 8.0)


@pytest.mark.parametrize("names", [False, True])
@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (2, 2, 2), (3, 3, 3)])
def test_pygambits_own_payoffs_agree(shape: tuple[int, ...], names: bool) -> None:
    random = np.random.default_rng(0)
    payoffs = random.integers(-9, 9, (len(shape), *shape))
    theirs = pygambit.Game.from_arrays(*payoffs)
    written = theirs.to_nfg()
    if not names:  # the other form: numbers of strategies, then payoffs, the first player fastest
        order = itertools.product(*(range(n) for n in reversed(shape)))
        numbers = [f"{payoffs[(i, *a[::-1])]}/2" for a in order for i in range(len(shape))]
        counts = " ".join(map(str, shape))
        players = " ".join(f'"agent {i} }}"' for i in range(len(shape)))
        written = f'NFG 1 R "a {{ title"\n{{ {players} }} {{ {counts} }}\n\n{" ".join(numbers)}'
    Path("game.nfg").write_text(written)
    table = read("game.nfg")
    assert table.sizes == (len(shape), shape[0], True)
    unscaled = table.scale.offset + table.scale.factor * table.payoffs
    assert unscaled == pytest.approx(payoffs / (1 if names else 2), abs=1e-12)
    loaded = pygambit.read_nfg("game.nfg")
    for joint_action in itertools.product(*(range(n) for n in shape)):
        outcome = loaded[joint_action]
        for agent, player in enumerate(loaded.players):
            expected = float(outcome[player])
            assert unscaled[(agent, *joint_action)] == pytest.approx(expected, abs=1e-12)


def test_a_game_of_gambit_whose_players_share_payoffs_is_a_team_game() -> None:
    Path("game.nfg").write_text(pygambit.Game.from_arrays(TEAM, TEAM).to_nfg())
    assert game("game.file=game.nfg").payoffs == "team"
    assert read("game.nfg").payoffs.tolist() == (TEAM / 4).tolist()


def test_without_pygambit_its_installation_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("game.nfg").write_text(pygambit.Game.from_arrays(TEAM, -TEAM).to_nfg())
    original = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "pygambit":
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.delitem(sys.modules, "pygambit")
    monkeypatch.setattr(builtins, "__import__", without)
    assert 'pip install "pygambit>=16.3,<17"' in refusal("game.file=game.nfg")


def test_the_command_that_installs_pygambit_is_that_of_the_tests() -> None:
    from marl_comm.games.one_shot.payoff import nfg

    project = (Path(__file__).parents[4] / "pyproject.toml").read_text()
    requirement = nfg._INSTALL.split('"')[1]
    assert f'"{requirement}"' in project


def saved(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def declaring(shape: tuple[int, ...], kind: str = "<f8", content: bytes = bytes(32)) -> bytes:
    """A file whose array's header declares more than it holds."""
    member = io.BytesIO()
    header = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(member, header)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("team_payoff.npy", member.getvalue() + content)
    return file.getvalue()


def twice() -> bytes:
    file = io.BytesIO(saved(team_payoff=TEAM))
    with zipfile.ZipFile(file) as archive:
        content = archive.read("team_payoff.npy")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("team_payoff.npy", content)
    return file.getvalue()


def nfg(text: str) -> bytes:
    return text.encode()


HOSTILE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "pickled": ("npz", lambda: saved(team_payoff=np.array([[{}, 1], [2, 3]])), "of type object"),
    "text": ("npz", lambda: saved(team_payoff=np.array([["a", "b"]] * 2)), "of type <U1"),
    "complex": ("npz", lambda: saved(team_payoff=TEAM + 1j), "of type complex128"),
    "bool": ("npz", lambda: saved(team_payoff=TEAM > 1), "of type bool"),
    "fields": ("npz", lambda: saved(team_payoff=np.zeros((2, 2), "i4,f4")), "of type [("),
    "nan": ("npz", lambda: saved(team_payoff=[[1, 2], [np.nan, 4]]), "at [1, 0] is nan"),
    "inf": ("npz", lambda: saved(team_payoff=[[1, 2], [3, np.inf]]), "at [1, 1] is inf"),
    "minus inf": ("npz", lambda: saved(own_payoffs=[TEAM, -TEAM / 0.0]), "must be finite"),
    "huge": ("npz", lambda: saved(team_payoff=[[1e308, 0], [0, -1e308]]), "too far apart"),
    "rounded": ("npz", lambda: saved(team_payoff=[[2**53 + 1, 0], [0, 1]]), "exact"),
    "zero axis": ("npz", lambda: saved(team_payoff=np.zeros((0, 0))), "0 actions"),
    "0-d": ("npz", lambda: saved(team_payoff=3.0), "for 0 agents"),
    "1-d": ("npz", lambda: saved(team_payoff=np.zeros(3)), "for 1 agents"),
    "one action": ("npz", lambda: saved(team_payoff=np.zeros((1, 1))), "1 actions"),
    "many actions": ("npz", lambda: saved(team_payoff=np.zeros((1001, 1001))), "2 to 1000"),
    "unequal": ("npz", lambda: saved(team_payoff=np.zeros((2, 3))), "2, 3 actions"),
    "own 0-d": ("npz", lambda: saved(own_payoffs=1.0), "shape ()"),
    "own without agents": ("npz", lambda: saved(own_payoffs=np.zeros((2, 2))), "shape (2, 2)"),
    "own too many": ("npz", lambda: saved(own_payoffs=np.zeros((3, 2, 2))), "(3, 2, 2)"),
    "own unequal": ("npz", lambda: saved(own_payoffs=np.zeros((2, 3, 2))), "3, 2 actions"),
    "no array": ("npz", lambda: saved(), "holds nothing"),
    "other name": ("npz", lambda: saved(payoff=TEAM), "team_payoff or own_payoffs, and holds pay"),
    "two": ("npz", lambda: saved(team_payoff=TEAM, own_payoffs=[TEAM, TEAM]), "must hold one"),
    "same twice": ("npz", twice, "must hold one array"),
    "not a zip": ("npz", lambda: b"4 0\n3 2\n", "no file of numpy.savez"),
    "empty": ("npz", lambda: b"", "no file of numpy.savez"),
    "bare array": ("npz", lambda: saved(team_payoff=TEAM)[50:], "damaged"),
    "truncated": ("npz", lambda: saved(team_payoff=np.zeros((30, 30)))[:3000], "no file of"),
    "10^9 entries": ("npz", lambda: declaring((1000, 1000, 1000)), "7.45 GiB"),
    "astronomic": ("npz", lambda: declaring((1000,) * 60), "GiB; allowed are"),
    "fewer": ("npz", lambda: declaring((1000, 1000)), "damaged"),
    "negative": ("npz", lambda: declaring((-2, -2)), "-2 actions"),
    "wide type": ("npz", lambda: declaring((2, 2), "<f99"), "damaged"),
    "no header": ("npz", lambda: declaring((2, 2))[:40] + bytes(300), "no file of numpy.savez"),
    "no game": ("nfg", lambda: nfg("hello"), "does not begin as a game"),
    "no text": ("nfg", lambda: bytes(range(256)), "does not begin as a game"),
    "nothing": ("nfg", lambda: b"", "does not begin as a game"),
    "extensive": ("nfg", lambda: nfg('EFG 2 R "t" { "a" "b" }'), "does not begin as a game"),
    "no end": ("nfg", lambda: nfg('NFG 1 R "t" { "a" "b" } { 2 2'), "does not end"),
    "a word": ("nfg", lambda: nfg('NFG 1 R "t" { "a" "b" } { 2 x }'), "it has x where"),
    "minus": ("nfg", lambda: nfg('NFG 1 R "t" { "a" "b" } { -2 2 }'), "it has -2 where"),
    "billions": (
        "nfg",
        lambda: nfg('NFG 1 R "t" { "a" "b" } { 999999999 999999999 }'),
        "2 to 1000",
    ),
    "many": ("nfg", lambda: nfg('NFG 1 R "t" { "a" "b" } { 1000 1000 }'), "save it as .npz"),
    "too few": (
        "nfg",
        lambda: nfg('NFG 1 R "t" { "a" "b" } { 2 2 } 1 2 3'),
        "pygambit cannot read",
    ),
    "1/0": ("nfg", lambda: nfg('NFG 1 R "t" { "a" "b" } { 2 2 } 1/0 2 3 4 5 6 7 8'), "zero"),
    "overflow": (
        "nfg",
        lambda: nfg('NFG 1 R "t" { "a" "b" } { 2 2 } 1e999 2 3 4 5 6 7 8'),
        "pygambit cannot read it",
    ),
    "one player": ("nfg", lambda: nfg('NFG 1 R "t" { "a" } { 2 } 1 2'), "for 1 agents"),
    "players": (
        "nfg",
        lambda: nfg('NFG 1 R "t" { "a" "b" } { 2 2 2 } 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16'),
        "pygambit",
    ),
    "3 and 2": ("nfg", lambda: nfg('NFG 1 R "t" { "a" "b" } { 3 2 } 1 2 3 4 5 6'), "3, 2 actions"),
    "large": ("nfg", lambda: b"NFG" + b" " * 2**24, "16777216 bytes"),
}


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_game_takes_one_line_and_little_memory(name: str, tmp_path: Path) -> None:
    suffix, content, words = HOSTILE[name]
    file = tmp_path / f"table.{suffix}"
    file.write_bytes(content())
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as caught:
            read(str(file))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    line = str(caught.value)
    assert line.isprintable()
    assert line.startswith(f"game.file={file}: ")
    assert words in line
    assert peak < 100 * 2**20


def test_where_the_file_is_not_takes_one_line(tmp_path: Path) -> None:
    assert f"there is no such file in {tmp_path}" in refusal("game.file=none.npz")
    assert refusal("game.file=/none/none.npz").endswith("none.npz: there is no such file")
    (tmp_path / "folder.npz").mkdir()
    os.mkfifo("pipe.npz")
    Path("zero.npz").symlink_to("/dev/zero")
    Path("loop.npz").symlink_to("loop.npz")
    for name in ("folder", "pipe", "zero", "loop", "x" * 300):
        assert f"game.file={name}.npz: " in refusal(f"game.file={name}.npz")
    for bad in ("table.csv", "table", "3", "[a]", "null", '"a\tb.npz"', '""', "table.NPZ"):
        assert "must be the path of a .npz or .nfg file" in refusal(f"game.file={bad}")
    assert "game.file is missing" in refusal()


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), suffix=st.sampled_from(["npz", "nfg"]))
def test_a_damaged_file_is_a_game_or_one_line(data: st.DataObject, suffix: str) -> None:
    whole = (
        saved(own_payoffs=[TEAM, -TEAM])
        if suffix == "npz"
        else pygambit.Game.from_arrays(TEAM, -TEAM).to_nfg().encode()
    )
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(1, len(content)))]
    file = Path(f"{hashlib.sha256(content).hexdigest()}.{suffix}")
    file.write_bytes(content)
    with contextlib.suppress(InputError):
        assert np.isfinite(read(str(file)).payoffs).all()
    file.unlink()


def test_what_a_user_types_must_be_what_the_file_has() -> None:
    np.savez("table.npz", team_payoff=TEAM)
    assert "game.agents=3: table.npz has 2; leave game.agents out" in refusal(
        "game.file=table.npz", "game.agents=3"
    )
    assert "game.payoffs=own: table.npz has team" in refusal(
        "game.file=table.npz", "game.payoffs=own"
    )
    line = refusal("game.file=table.npz", f"game.sha256={'0' * 64}")
    assert f"game.sha256 says {'0' * 64}" in line
    assert hashlib.sha256(Path("table.npz").read_bytes()).hexdigest() in line


def test_a_saved_configuration_is_read_without_the_file() -> None:
    np.savez("table.npz", team_payoff=TEAM)
    config = compose("game=payoff", "game.file=table.npz")
    Path("table.npz").unlink()
    Path("config.yaml").write_text(yaml.safe_dump(config.model_dump()))
    assert load_saved(Path("config.yaml")) == config
    open_ended = config.model_dump()
    open_ended["game"]["agents"] = None
    Path("config.yaml").write_text(yaml.safe_dump(open_ended))
    np.savez("table.npz", team_payoff=TEAM)
    with pytest.raises(InputError, match=r"game\.agents=null: must be an integer"):
        load_saved(Path("config.yaml"))


def test_tables_that_do_not_fit_are_refused_by_their_headers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("table.npz").write_bytes(declaring((2,) * 29, "|i1"))
    assert "would take 4 GiB; allowed are 2 GiB" in refusal("game.file=table.npz")
    monkeypatch.setattr(sizes, "LARGEST_TABLES", 8 * 9)
    np.savez("fits.npz", team_payoff=np.zeros((3, 3)))
    assert game("game.file=fits.npz").actions == 3
    np.savez("fits_not.npz", own_payoffs=np.zeros((2, 3, 3)))
    assert "allowed are" in refusal("game.file=fits_not.npz")
