"""Learners: one local update, and a prediction of the coming ones."""
