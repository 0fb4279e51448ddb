"""Experiments on cooperative multi-agent learning when communication is scarce."""

import sys

from marl_comm.exits import tell_early_interrupts

if sys.argv[:1] == ["-m"]:  # Python is about to run one of the package's commands
    tell_early_interrupts()
