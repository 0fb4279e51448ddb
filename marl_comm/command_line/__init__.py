"""Everything that touches Hydra and the command line."""

import sys
from pathlib import Path

# Hydra looks for plug-ins in folders of Python's path that have a folder `hydra_plugins`.
_FOR_HYDRA = str(Path(__file__).parent / "for_hydra")
if _FOR_HYDRA not in sys.path:
    sys.path.append(_FOR_HYDRA)
