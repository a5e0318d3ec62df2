"""Importing a library without what it would load beside, for things that are not done with it here."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(module: str) -> Iterator[None]:
    """Inside, importing `module` fails as if it were not installed, unless it is loaded already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # Python's own word for a module that there is not
    try:
        yield
    finally:
        del sys.modules[module]
