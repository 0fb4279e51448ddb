"""Softmax natural policy gradient on tables, every seed at once."""
