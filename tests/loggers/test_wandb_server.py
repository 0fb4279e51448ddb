"""W&B's server is down, silent, or has no key: files instead, quickly, and told once."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import wandb

from marl_comm import sync
from marl_comm.command_line.composition import compose
from marl_comm.loggers import wandb as wandb_logger
from marl_comm.loggers import wandb_server
from marl_comm.runs.session import execute

ONLINE = ("logger=wandb", "logger.mode=online")
QUICK = ("num_seeds=1", "samples_per_round=20", "max_local_steps=2", "game.agents=2")


@pytest.fixture(autouse=True)
def a_new_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wandb_server, "_reasons", [])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections up and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_silent_server_costs_seconds_once_and_leaves_offline_files(
    silent: str, tmp_path: Path
) -> None:
    script = """
import sys, time
from pathlib import Path
from marl_comm.command_line.composition import compose
from marl_comm.runs.session import execute
for job in range(3):
    began = time.monotonic()
    execute(compose(*sys.argv[2:]), Path(sys.argv[1]) / str(job))
    print(time.monotonic() - began)
"""
    environment = {
        **os.environ,
        "WANDB_BASE_URL": silent,
        "WANDB_API_KEY": "0" * 40,
    }
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), *ONLINE, *QUICK],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    first, *later = map(float, done.stdout.split())
    assert first < 20  # of it 3 s for the server; the rest is W&B's own start on a busy machine
    assert max(later) < first
    assert f"no answer from {silent} within 3 s" in done.stderr
    for job in range(3):
        assert list((tmp_path / str(job) / "wandb").glob("offline-run-*/run-*.wandb"))


class FallsSilent(BaseHTTPRequestHandler):
    """Takes an account and one run up, and answers nothing from then on."""

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        query = self.rfile.read(int(self.headers["Content-Length"])).decode(errors="replace")
        if "upsertBucket" in query and self.server.runs == 0:  # type: ignore[attr-defined]
            self.server.runs += 1  # type: ignore[attr-defined]
            project = {"id": "p", "name": "marl_comm", "entity": {"id": "e", "name": "me"}}
            bucket = {"id": "b", "name": "run", "config": "{}", "project": project}
            self._answer({"data": {"upsertBucket": {"bucket": bucket, "inserted": True}}})
        elif "Viewer" in query:
            viewer = {"id": "1", "entity": "me", "username": "me", "flags": "{}"}
            self._answer({"data": {"viewer": {**viewer, "teams": {"edges": []}}}})
        else:
            time.sleep(60)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def falls_silent() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FallsSilent)
    server.daemon_threads, server.block_on_close = True, False
    server.runs = 0  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_server_that_falls_silent_is_given_up_once_and_the_process_ends(
    falls_silent: str, tmp_path: Path
) -> None:
    assert wandb_logger.PATIENCE + wandb_server.ENDING_TIMEOUT <= 10
    script = """
import sys, time
from pathlib import Path
from marl_comm.command_line.composition import compose
from marl_comm.loggers.wandb import WandbLogger
from marl_comm.runs.session import execute
WandbLogger.__init__.__kwdefaults__["patience"] = 3.0
for job in range(2):
    began = time.monotonic()
    execute(compose(*sys.argv[2:]), Path(sys.argv[1]) / str(job))
    print(time.monotonic() - began)
print(time.time())
"""
    environment = {**os.environ, "WANDB_BASE_URL": falls_silent, "WANDB_API_KEY": "0" * 40}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), *ONLINE, *QUICK],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=60,  # left alone, W&B waits for minutes
    )
    first, second, ended = map(float, done.stdout.split())
    assert first > 2  # it was taken up, and waited for
    assert second < first
    assert time.time() - ended < 10
    assert f"python -m marl_comm.sync {tmp_path / '0'}" in done.stderr
    assert list((tmp_path / "1" / "wandb").glob("offline-run-*/run-*.wandb"))


def test_without_a_key_the_two_commands_that_upload_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wandb_server, "_answers", lambda address: True)
    monkeypatch.setattr(wandb, "login", lambda **_: False)
    modes: list[str] = []
    original = wandb.init

    def init(**given: Any) -> Any:
        modes.append(given["mode"])
        return original(**given)

    monkeypatch.setattr(wandb, "init", init)
    execute(compose(*ONLINE, *QUICK), tmp_path / "run")
    assert modes == ["offline"]
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert any("no API key is set" in line for line in told)
    assert any(
        line.endswith(f"wandb login && wandb sync {tmp_path / 'run' / 'wandb'}/offline-run-*")
        for line in told
    )


def test_sync_fails_where_nothing_was_uploaded_and_leaves_what_was_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "run"
    execute(compose("logger=wandb", "logger.mode=offline", *QUICK), directory)
    before = set((directory / "wandb").glob("offline-run-*"))
    assert before
    time.sleep(1.1)  # W&B names its folders by the second
    monkeypatch.setattr(wandb_server, "_reason", lambda: "no answer")
    monkeypatch.setattr(sys, "argv", ["sync", str(directory)])
    assert sync.main() == 1
    assert "not uploaded (no answer)" in capsys.readouterr().err
    assert before <= set((directory / "wandb").glob("offline-run-*"))
    time.sleep(1.1)
    monkeypatch.setattr(sys, "argv", ["sync", "--mode", "offline", str(directory)])
    assert sync.main() == 0
    (replacement,) = (directory / "wandb").glob("offline-run-*")
    assert replacement not in before


def test_sync_refuses_a_changed_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(compose("logger=local", *QUICK), tmp_path / "run")
    log = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    log[0] = json.dumps(json.loads(log[0]) | {"value": 1.0})
    (tmp_path / "run" / "metrics.jsonl").write_text("\n".join(log) + "\n")
    monkeypatch.setattr(sys, "argv", ["sync", "--mode", "offline", str(tmp_path / "run")])
    assert sync.main() == 2
    assert "metrics.jsonl: it is not the one" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "run")
