"""Base-policy prediction: collect for the whole predicted path in one round."""
