"""What `compare` draws of any runs, and the look that all figures share."""
