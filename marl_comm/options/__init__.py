"""What every option of a run must answer, how options are found, and classes of the user's own."""
