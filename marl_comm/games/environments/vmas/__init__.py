"""Scenarios of VMAS, which steps all copies together."""
