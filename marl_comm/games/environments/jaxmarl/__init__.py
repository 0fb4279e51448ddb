"""Environments of JaxMARL, SMAX among them: JAX steps all copies together."""
