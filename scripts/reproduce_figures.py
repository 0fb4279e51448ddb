"""Reproduces the figures and judges the claims: `reproduce_figures.py [NAME ...] --scale quick`."""

import sys

from marl_comm.command_line.exits import ended
from marl_comm.paper.command import main

if __name__ == "__main__":
    sys.exit(ended(main()))
