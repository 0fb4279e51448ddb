"""A game from a file: its payoffs for every joint action."""
