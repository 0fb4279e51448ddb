"""Prints the table of criteria that docs/claims.md holds: python -m marl_comm.paper.rules_table."""

from marl_comm.paper.claims import CLAIMS


def rules_table() -> str:
    """Return every criterion as a line of a Markdown table."""
    lines = ["| claim | figure | statistic | must be | settings |", "|---|---|---|---|---|"]
    for claim in CLAIMS:
        for criterion in claim.criteria:
            settings = "; ".join(criterion.settings)
            lines.append(
                f"| {claim.key} | `{criterion.figure}` | {criterion.statistic} | {criterion.side} "
                f"{criterion.threshold:g} | {settings} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(rules_table())
