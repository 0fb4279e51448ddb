"""Multi-particle environments of the package mpe2."""
