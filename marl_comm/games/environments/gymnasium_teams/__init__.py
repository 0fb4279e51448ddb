"""Environments of Gymnasium whose spaces are tuples, an entry for each agent of a team."""
