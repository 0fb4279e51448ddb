"""The earlier name of `marl_comm.wall_clock`, kept for scripts that use it."""

import sys

from marl_comm.command_line.exits import ended
from marl_comm.wall_clock import main

if __name__ == "__main__":
    sys.exit(ended(main()))
