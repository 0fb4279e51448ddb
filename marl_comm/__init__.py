"""Experiments on cooperative multi-agent learning when communication is scarce."""
