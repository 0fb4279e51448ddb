"""How the coming policies of tables are predicted: one file for each predictor."""
