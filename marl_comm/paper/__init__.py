"""The paper's claims, the rules that judge them, the figures, and the report."""
