"""Figures of the reproduction, one module each."""
