"""Any parallel environment of PettingZoo."""
