"""Shows on stderr how far long work of the server is: a bar on a terminal, lines elsewhere."""

import sys
from types import TracebackType
from typing import Self

import click

_WIDTH = 30


class ProgressLine:
    """One line that is drawn again on a terminal; in a log, a line for each whole per cent and each step."""

    def __init__(self) -> None:
        self._shown = ""
        self._is_terminal = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_terminal and self._shown:
            click.echo(err=True)

    def show(self, text: str, share_done: float | None = None) -> None:
        """Say that the work is at `text`; with how much of it is done, where that is known."""
        line = progress_text(text, share_done, has_bar=self._is_terminal)
        if line == self._shown:
            return
        if self._is_terminal:
            click.echo(f"\r{line.ljust(len(self._shown))}", nl=False, err=True)
        else:
            click.echo(line, err=True)
        self._shown = line


def progress_text(text: str, share_done: float | None, *, has_bar: bool) -> str:
    """`text` with the share in per cent, after a bar if there is to be one."""
    if share_done is None:
        return text
    percent = f"{share_done:.0%}"
    if not has_bar:
        return f"{text}: {percent}" if text else percent
    full = round(share_done * _WIDTH)
    return f"{'█' * full}{'░' * (_WIDTH - full)} {percent:>4}  {text}".rstrip()
