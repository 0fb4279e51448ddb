"""Tunes every algorithm and compares them at their best: `tune.py [PROBLEM ...]`."""

import sys

from marl_comm.command_line.exits import ended
from marl_comm.paper.tuning.command import main

if __name__ == "__main__":
    sys.exit(ended(main()))
