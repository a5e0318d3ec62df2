"""Asks the running server a question and prints its answer."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from email.message import Message
from typing import Any

import click
import msgspec

from questlog.cli.answer_table import grids_of
from questlog.cli.console import Console, ConsoleRefused, ask
from questlog.cli.table import echo_table

FORMATS = ("table", "csv", "json", "parquet")


def refuse_terminal(form: str) -> None:
    """Raises `click.UsageError` for a form that a terminal cannot show."""
    if form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for a terminal; send it to a file: > answer.parquet")


def print_answer(
    console: Console, path: str, body: Mapping[str, Any], form: str, only: Sequence[str] | None = None
) -> None:
    """Print the answer to `body`; of a table, `only` these columns. Raises `click.ClickException` that names the field
    at fault.
    """
    try:
        if form == "table":
            _print_table(console, path, body, only)
        else:
            _copy_answer(console, path, body, form)
    except ConsoleRefused as refusal:
        raise click.ClickException(
            f"{refusal.field}: {refusal.message}" if refusal.field else refusal.message
        ) from None


def _print_table(console: Console, path: str, body: Mapping[str, Any], only: Sequence[str] | None) -> None:
    with ask(console, "POST", f"{path}?format=compact", body) as answer:
        # Decimals keep their digits: 1.50 is shown as it is stored.
        content = msgspec.json.Decoder(float_hook=Decimal).decode(answer.read())
        origin = _origin(answer.headers)
    for place, grid in enumerate(grids_of(_with_columns(content, only) if only else content)):
        if place:
            click.echo()
        if grid.title:
            click.echo(grid.title)
        echo_table(grid.names, grid.kinds, grid.rows)
    for warning in content["warnings"]:
        click.echo(f"warning: {warning['field']}: {warning['detail']}", err=True)
    count = len(content["rows"])
    click.echo(f"({count:,} {'row' if count == 1 else 'rows'}; {origin})", err=True)


def _with_columns(content: Mapping[str, Any], only: Sequence[str]) -> Mapping[str, Any]:
    names = [column["name"] for column in content["columns"]]
    places = [names.index(name) for name in only]
    columns = [content["columns"][place] for place in places]
    return {**content, "columns": columns, "rows": [[row[place] for place in places] for row in content["rows"]]}


def _copy_answer(console: Console, path: str, body: Mapping[str, Any], form: str) -> None:
    output = sys.stdout.buffer
    with ask(console, "POST", f"{path}?format={form}", body) as answer:
        shutil.copyfileobj(answer, output)
        origin = _origin(answer.headers)
    if form == "json":
        output.write(b"\n")
    output.flush()
    click.echo(f"({origin})", err=True)


def _origin(headers: Message) -> str:
    """Where an answer comes from, in words."""
    through = _time(headers["Questlog-Complete-Through"])
    complete = "unknown whether all events are loaded" if through is None else f"complete through {through}"
    took_ms, sources = float(headers["Questlog-Took-Ms"]), headers["Questlog-Sources"]
    read = f" from {sources}" if sources else ""
    return f"as of {_time(headers['Questlog-As-Of'])}, {complete}; {took_ms:,.1f} ms{read}"


def _time(text: str | None) -> str | None:
    return text and f"{text[:19].replace('T', ' ')} UTC"
