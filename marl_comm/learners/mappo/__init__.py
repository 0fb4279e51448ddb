"""Multi-agent PPO with a central critic, every seed at once: stacked networks, one update."""
