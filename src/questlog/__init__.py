"""Questlog: self-hosted game analytics."""
