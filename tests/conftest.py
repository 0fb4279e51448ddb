"""Shared test set-up."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from new_process import as_in_a_new_process

# Each example is cheap but the machines are shared: a slow moment is not a failure.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=50)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def new_process() -> Iterator[None]:
    """The entry point behaves as in a new process."""
    with as_in_a_new_process():
        yield
