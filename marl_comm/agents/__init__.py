"""Agents as processes: one for each agent and one for the world, which share what rounds carry."""
