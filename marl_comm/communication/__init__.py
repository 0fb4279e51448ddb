"""Communication: when a round happens, how many are allowed, and what they cost."""
