"""Shared test set-up."""

import os

from hypothesis import settings

# Each example is cheap but the machines are shared: a slow moment is not a failure.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=50)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
