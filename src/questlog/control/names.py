"""The rule for names that people give."""

from questlog.control.errors import NotAllowed

_MAX_LENGTH = 100


def checked_name(what: str, name: str) -> str:
    """`name`, if it can be one: 1 to 100 printable characters, no blank at either end. Raises `NotAllowed`."""
    if not 1 <= len(name) <= _MAX_LENGTH or not name.isprintable() or name != name.strip():
        raise NotAllowed(
            f"the name of a {what} has 1 to {_MAX_LENGTH} printable characters and no blank at either end,"
            f" not {name[:_MAX_LENGTH]!r}"
        )
    return name
