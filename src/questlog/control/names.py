"""The rule for names that people give."""

from questlog.control.errors import NotAllowed

MAX_NAME = 100
"""Characters."""


def checked_name(what: str, name: str) -> str:
    """`name`, if it can be one: 1 to 100 printable characters, no blank at either end, no `/`. Raises `NotAllowed`."""
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
        raise NotAllowed(
            f"the name of a {what} has 1 to {MAX_NAME} printable characters and no blank at either end,"
            f" not {name[:MAX_NAME]!r}"
        )
    if "/" in name:
        raise NotAllowed(f"the name of a {what} has no `/`, for it is a part of an address: {name!r}")
    return name
