"""What lies on disk: run directories, checkpoints, and writing files whole or not at all."""
