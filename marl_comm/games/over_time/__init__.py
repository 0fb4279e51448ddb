"""Games over time: the rules of each, what plays them, and exact dynamic programs."""
