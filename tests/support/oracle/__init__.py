"""The numbers of metrics.md in plain Python: slow and obvious, written from the definitions and not from any SQL.

What a definition leaves open is decided where it is used, in a docstring. Nothing here imports what it is to judge.
"""
