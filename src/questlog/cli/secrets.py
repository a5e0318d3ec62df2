"""Secrets that are given on the command line, where other users of the machine can see them."""

import click


def warn_of_shown_secret(option: str, instead: str) -> None:
    """Say on stderr what is wrong with it, and what to do instead."""
    click.echo(f"Warning: others on this machine can see {option} in the list of processes; {instead}", err=True)
