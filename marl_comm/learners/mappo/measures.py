"""How far policies have moved from those that collected their data, and what foresaw it."""

import torch
from torch import Tensor

from marl_comm.experience.network_bases import NetworkBases
from marl_comm.learners.mappo import prediction
from marl_comm.learners.mappo.probe_states import ProbeStates
from marl_comm.learners.mappo.update import Figures

_QUANTILES = {"weight_q05": 0.05, "weight_q50": 0.5, "weight_q95": 0.95, "weight_max": 1.0}


def weight_quantiles(joint: Tensor) -> Figures:
    """Return quantiles of the weights of joint actions, (rows, samples), by name, (rows,)."""
    shares = torch.tensor(list(_QUANTILES.values()), device=joint.device)
    return dict(zip(_QUANTILES, joint.quantile(shares, dim=1), strict=True))


@torch.no_grad()
def divergences(
    parameters: Tensor,
    reached: Tensor,
    probes: ProbeStates,
    bases: NetworkBases,
    start: Tensor,
    position: Tensor,
    tested: Tensor,
) -> Figures:
    """Return how far the current policies are from those that collected their data.

    Args:
        parameters: (rows, P), the policies as they are now.
        reached: Their outputs in the probes.
        probes: Where policies are compared.
        bases: The policies that collected the round's chunks.
        start: (rows, P), the policies at the round's start.
        position: (rows,), which chunk is next.
        tested: (rows,), bool, where a prediction can be held against what came.

    Returns:
        Figures by name, (rows,): `kl`, of the current joint policies from the bases; and for
        predicted bases, nan where not tested, `cosine` of predicted and real displacement,
        `kappa`, and `kl_unpredicted`, from the policies at the round's start.
    """
    figures = {"kl": probes.divergence(reached, probes.outputs(bases.at(position)))}
    if bases.predicted is None:
        return figures
    every = torch.arange(len(position), device=position.device)
    unpredicted = probes.divergence(reached, probes.outputs(start))
    scored = {
        "cosine": prediction.cosine(start, bases.predicted[every, position], parameters),
        "kappa": bases.trust[every, position],
        "kl_unpredicted": unpredicted,
    }
    nan = torch.full_like(unpredicted, torch.nan)
    return figures | {name: torch.where(tested, figure, nan) for name, figure in scored.items()}
