"""`questlog reprice`: have the server value stored purchases again with the present exchange rates."""

import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import msgspec

from questlog.cli.console import Console, ask, console_options, find_console
from questlog.cli.progress import ProgressLine
from questlog.cli.table import text_table

_POLL_S = 0.5
_COLUMNS = {
    "currency": "string",
    "kind": "string",
    "events": "int64",
    "changed": "int64",
    "unpriced_before": "int64",
    "unpriced_after": "int64",
    "usd_before": "decimal",
    "usd_after": "decimal",
    "rates": "string",
}
# Decimals keep their digits: 1.50 is shown as it is stored.
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


@click.command("reprice", short_help="Compute amounts in US dollars again with current exchange rates.")
@click.option("--currency", "currencies", metavar="CODE", multiple=True, help="Only this currency. May be repeated.")
@click.option("--from", "first", metavar="DAY", help="Only events from this day on (UTC), such as 2026-01-31.")
@click.option("--to", "last", metavar="DAY", help="Only events up to this day (UTC, included).")
@click.option("--dry-run", is_flag=True, help="Change nothing, and print what would change.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Format of the answer.",
)
@console_options
def command(  # noqa: PLR0913, PLR0917 - click passes the options by name
    currencies: tuple[str, ...],
    first: str | None,
    last: str | None,
    dry_run: bool,
    form: str,
    data: Path,
    url: str | None,
    token: str | None,
) -> None:
    """Compute the amounts in US dollars of stored purchases, refunds and ads again with the current
    exchange rates.

    Prints a row for each currency in which something changes: the number of events, of changed events and of events
    without a rate before and after; the sums in US dollars before and after; and the source of the currency's newest
    rate (own, ecb, wide). Rates of the wide table are approximate.

    The running server does the work, even if this command is interrupted. Meanwhile it accepts new events and loads
    them afterwards.

    \b
    questlog reprice --currency TWD --from 2026-01-01 --dry-run
    """  # noqa: D301 - the \b keeps click from joining the lines
    console = find_console(data, url, token)
    question: dict[str, object] = {"currencies": list(currencies), "dry_run": dry_run}
    question |= {name: day for name, day in (("from", first), ("to", last)) if day is not None}
    status = _ask(console, "POST", question)
    with ProgressLine() as progress:
        while status["state"] in ("waiting", "running"):
            if status["state"] == "running":
                progress.show("", status["share_done"])
            else:
                progress.show("waiting for the loader")
            time.sleep(_POLL_S)
            status = _ask(console, "GET")
    if status["state"] == "failed":
        raise click.ClickException(f"nothing was changed: {status['message']}")
    if status["state"] == "cancelled":
        raise click.ClickException("it was cancelled; nothing was changed")
    rows = [{**change, "rates": status["rates"][change["currency"]]} for change in status["changes"]]
    for line in _lines(rows, form):
        click.echo(line)
    changed = sum(row["changed"] for row in rows)
    click.echo(f"{changed:,} events {'would change' if dry_run else 'changed'}", err=True)


def _lines(rows: Sequence[Mapping[str, Any]], form: str) -> Iterator[str]:
    if form == "json":
        yield _encoder.encode(rows).decode()
    elif rows:
        yield from text_table(
            list(_COLUMNS), list(_COLUMNS.values()), [[row[name] for name in _COLUMNS] for row in rows]
        )


def _ask(console: Console, method: str, body: object = None) -> dict[str, Any]:
    with ask(console, method, "/api/v1/reprice", body) as answer:
        status: dict[str, Any] = _decoder.decode(answer.read())
    return status
