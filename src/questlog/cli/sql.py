"""`questlog sql`: ask the running server a question."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import msgspec

from questlog.cli.console import Console, ask, console_options, find_console
from questlog.cli.table import echo_table

_FORMATS = ("table", "csv", "json", "parquet")


@click.command("sql", short_help="Ask the running server in SQL.")
@click.argument("statement")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="table", show_default=True, help="Format of the answer."
)
@click.option(
    "--parameter",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of the statement's $NAME. Can be given several times.",
)
@console_options
def command(
    statement: str, form: str, parameters: Sequence[str], data: Path, url: str | None, token: str | None
) -> None:
    """Answer STATEMENT, one read-only SQL statement, or `-` to read it from standard input.

    \b
    questlog sql "SELECT category, count(*) FROM events GROUP BY ALL"
    questlog sql --format parquet - < question.sql > answer.parquet
    questlog sql "SELECT * FROM players WHERE first_day >= $since" --parameter since=2026-01-01
    """  # noqa: D301 - the \b keeps click from joining the lines
    if statement == "-":
        statement = sys.stdin.read()
    if form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for a terminal; send it to a file: > answer.parquet")
    question = {"sql": statement, "parameters": dict(map(_named_value, parameters))}
    console = find_console(data, url, token)
    if form == "table":
        _print_table(console, question)
    else:
        _copy_answer(console, question, form)


def _named_value(text: str) -> tuple[str, str]:
    """Raises `click.BadParameter`."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise click.BadParameter(f"NAME=VALUE, not {text!r}", param_hint="--parameter")
    return name.strip().removeprefix("$"), value


def _print_table(console: Console, question: Mapping[str, Any]) -> None:
    with ask(console, "POST", "/api/v1/sql", {**question, "format": "compact"}) as answer:
        # Decimals keep their digits: 1.50 is shown as it is stored.
        content = msgspec.json.Decoder(float_hook=Decimal).decode(answer.read())
    columns, rows = content["columns"], content["rows"]
    echo_table([column["name"] for column in columns], [column["type"] for column in columns], rows)
    click.echo(f"({len(rows):,} {'row' if len(rows) == 1 else 'rows'})", err=True)


def _copy_answer(console: Console, question: Mapping[str, Any], form: str) -> None:
    output = sys.stdout.buffer
    with ask(console, "POST", "/api/v1/sql", {**question, "format": form}) as answer:
        shutil.copyfileobj(answer, output)
    if form == "json":
        output.write(b"\n")
    output.flush()
