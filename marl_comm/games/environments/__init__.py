"""Environments in which networks are trained: many copies per seed, behind one interface."""

import os

# pygame, which mpe2 draws with, would otherwise print a line wherever it is imported.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
