"""The paper's claims, the rules by which runs decide about them, and the verdicts."""
