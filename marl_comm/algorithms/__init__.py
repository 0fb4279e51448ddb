"""Algorithms: which policies collect the data of a communication round."""
