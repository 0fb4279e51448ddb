"""Everything that touches Hydra and the command line."""
