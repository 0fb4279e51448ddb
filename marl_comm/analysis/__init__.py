"""Runs read back: which belong together, what they cost, and how sure that is."""
