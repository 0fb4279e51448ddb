"""Numbers as a reader sees them, the same in tables, figures and reports."""

import math

from marl_comm.analysis.estimates import Estimate

_ROUNDING = 1e-12  # what is smaller is rounding, not a measurement


def number(value: float) -> str:
    """Return three significant digits; words where there is no number."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) < _ROUNDING:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    rounded = round(value, digits if abs(value) < 1000 else 0)
    return f"{rounded:,.{digits}f}" if abs(value) >= 0.001 else f"{value:.2e}"


def interval(estimate: Estimate) -> str:
    """Return the 95 % interval, or that there is none."""
    if not estimate.has_interval:
        return "none"
    return f"[{number(estimate.low)}, {number(estimate.high)}]"
