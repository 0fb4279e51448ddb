"""One run whose agents are processes of their own: one process an agent, and one for the world.

python -m marl_comm.agents game=coverage game.agents=4 logger=local
torchrun --nproc-per-node=5 -m marl_comm.agents game=coverage game.agents=4 logger=local
"""

import sys

from marl_comm.agents.command import main
from marl_comm.command_line.exits import ended

if __name__ == "__main__":
    sys.exit(ended(main()))
