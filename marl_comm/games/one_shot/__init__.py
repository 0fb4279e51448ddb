"""One-shot games: the rules of each, and what plays them."""
