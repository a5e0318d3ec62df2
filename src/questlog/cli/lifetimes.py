"""Lengths of time as people type them: hours, days or weeks."""

import re

import click

_UNITS_S = {"h": 3_600, "d": 86_400, "w": 7 * 86_400}
_LIFETIME = re.compile(r"([1-9][0-9]{0,4})([hdw])")


def seconds_of(option: str, text: str) -> int:
    """`12h`, `90d` or `4w` in seconds. Raises `click.UsageError`, which names the option."""
    matched = _LIFETIME.fullmatch(text)
    if matched is None:
        raise click.UsageError(f"{option} takes hours, days or weeks, such as 12h, 90d or 4w, not {text!r}")
    return int(matched[1]) * _UNITS_S[matched[2]]
