"""Markov games: the rules of each, what plays them, and exact dynamic programs."""
