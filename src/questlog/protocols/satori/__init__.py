"""Satori's client API: bytes to values and back, without input or output."""
