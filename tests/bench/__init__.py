"""Measurements, always beside something strong in the same minutes. `make bench` runs them all."""
