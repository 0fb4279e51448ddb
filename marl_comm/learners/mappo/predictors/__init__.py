"""How the coming networks are predicted: one file for each predictor."""
