"""Figures drawn from run directories, one module each."""
