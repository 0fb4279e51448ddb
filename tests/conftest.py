"""Shared test set-up."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings
from new_process import as_in_a_new_process

# Each example is cheap but the machines are shared: a slow moment is not a failure.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=50)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_MAY_BE_MISSING = ("GPU", "StarCraft II", "network namespaces")
"""What no package installs: tests that need it skip themselves, with one of these in the reason."""

_refused: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--refuse-skips",
        action="store_true",
        help=f"fail if a test is skipped for want of anything but {' or '.join(_MAY_BE_MISSING)}",
    )


def _note_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not any(missing in reason for missing in _MAY_BE_MISSING):
            _refused.append(f"{report.nodeid}: {reason}")


pytest_runtest_logreport = pytest_collectreport = _note_skip


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _refused and exitstatus == 0 and session.config.getoption("--refuse-skips"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _refused and terminalreporter.config.getoption("--refuse-skips"):
        terminalreporter.section("tests must not be skipped here")
        for skip in _refused:
            terminalreporter.line(skip)


# What runs of the tests import is noted for the tests alone.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="state")


@pytest.fixture
def new_process() -> Iterator[None]:
    """The entry point behaves as in a new process."""
    with as_in_a_new_process():
        yield
