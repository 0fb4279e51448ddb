"""Typed configuration of a run: what is allowed, alone and together, and how a refusal reads."""
