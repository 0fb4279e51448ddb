"""Every algorithm at its best: a search over settings, and a comparison on seeds it never saw."""
