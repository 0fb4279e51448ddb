"""Reproducing the figures: which jobs a figure needs, running them, drawing, and the report."""
