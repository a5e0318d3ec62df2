"""`questlog sql`: ask the running server a question."""

import shutil
import sys
from decimal import Decimal
from pathlib import Path

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
@console_options
def command(statement: str, form: str, data: Path, url: str | None, token: str | None) -> None:
    """Answer STATEMENT, one read-only SQL statement, or `-` to read it from standard input.

    \b
    questlog sql "SELECT category, count(*) FROM events GROUP BY ALL"
    questlog sql --format parquet - < question.sql > answer.parquet
    """  # noqa: D301 - the \b keeps click from joining the lines
    if statement == "-":
        statement = sys.stdin.read()
    if form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for a terminal; send it to a file: > answer.parquet")
    console = find_console(data, url, token)
    if form == "table":
        _print_table(console, statement)
    else:
        _copy_answer(console, statement, form)


def _print_table(console: Console, statement: str) -> None:
    with ask(console, "POST", "/api/v1/sql", {"sql": statement, "format": "compact"}) as answer:
        # Decimals keep their digits: 1.50 is shown as it is stored.
        content = msgspec.json.Decoder(float_hook=Decimal).decode(answer.read())
    columns, rows = content["columns"], content["rows"]
    echo_table([column["name"] for column in columns], [column["type"] for column in columns], rows)
    click.echo(f"({len(rows):,} {'row' if len(rows) == 1 else 'rows'})", err=True)


def _copy_answer(console: Console, statement: str, form: str) -> None:
    output = sys.stdout.buffer
    with ask(console, "POST", "/api/v1/sql", {"sql": statement, "format": form}) as answer:
        shutil.copyfileobj(answer, output)
    if form == "json":
        output.write(b"\n")
    output.flush()
