"""The games the agents play, each with exact oracles that need no sampling."""
