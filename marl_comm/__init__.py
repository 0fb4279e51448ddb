"""Experiments on cooperative multi-agent learning when communication is scarce."""

from marl_comm.command_line.exits import tell_early_endings
from marl_comm.command_line.program import runs_a_command

if runs_a_command():
    tell_early_endings()
