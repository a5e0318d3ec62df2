"""`questlog metrics`, `dimensions` and `events`: what can be asked."""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from questlog.cli import questions
from questlog.cli.answers import FORMATS, print_answer, refuse_terminal
from questlog.cli.asked_game import find_game
from questlog.cli.console import console_options, find_console
from questlog.cli.settings import data_option
from questlog.cli.table import echo_table
from questlog.model.clock import SystemClock

_MAX_DEFINITION = 1_000
_EVENT_COLUMNS = ("category", "event_id", "events", "first_day", "last_day")

_search = click.argument("search", required=False, metavar="[TEXT]")
_form = click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="Format."
)


@click.command("metrics", short_help="List the metrics, with their definitions.")
@_search
@_form
@data_option
def metrics(search: str | None, form: str, data: Path) -> None:
    """List the metrics of `questlog query --metrics`: group, name, unit and definition. Needs no server.

    With TEXT, only those that have it in their name or definition. N in a name is a number of days: retention_d7. A
    game's custom metrics are in `questlog saved list`.
    """
    from questlog.analytics.metrics.catalogue import CATALOGUE
    from questlog.analytics.metrics.metric import DAY_FAMILIES

    del data
    rows = [(str(each.group), each.name, each.unit, each.definition) for each in CATALOGUE.values()]
    rows += [(str(each.group), f"{name}_dN", each.unit, each.defined("N")) for name, each in DAY_FAMILIES.items()]
    _print(("group", "metric", "unit", "definition"), rows, search, form)


@click.command("dimensions", short_help="List the dimensions, with their meanings.")
@_search
@_form
@data_option
def dimensions(search: str | None, form: str, data: Path) -> None:
    """List the dimensions of `--group-by` and `--filter`: name, kind and meaning. Needs no server.

    With TEXT, only those that have it in their name or meaning.
    """
    from questlog.analytics.selection.dimensions import EVENT_DIMENSIONS

    del data
    rows = [(each.name, str(each.kind), each.meaning) for each in EVENT_DIMENSIONS.values()]
    _print(("dimension", "kind", "meaning"), rows, search, form)


@click.command("events", short_help="List the events that a game sent.")
@click.argument("search", default="", metavar="[TEXT]")
@click.option("--game", metavar="GAME", help="Name, game key or number. [default: the only game]")
@click.option(
    "--period", metavar="PERIOD", default="30d", show_default=True, help="Days, as in `questlog query --period`."
)
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="Number of events.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Format of the answer."
)
@console_options
def events(  # noqa: PLR0913, PLR0917 - click passes the options by name
    search: str,
    game: str | None,
    period: str,
    limit: int,
    form: str,
    data: Path,
    url: str | None,
    token: str | None,
) -> None:
    """List the categories and event ids that a game sent, the most frequent of the period first.

    With TEXT, only event ids that contain it. The SDKs, builds and attributes of events: `questlog query --analysis
    event-catalogue --period 7d --format json`.
    """
    refuse_terminal(form)
    console = find_console(data, url, token)
    asked = find_game(console, game)
    days = questions.period(period, asked.today(SystemClock()))
    body = {"period": days, "search": search, "limit": limit, "sample": 0}
    print_answer(console, f"{asked.path}/event-catalogue", body, form, _EVENT_COLUMNS)


def _print(names: Sequence[str], rows: Sequence[Sequence[str]], search: str | None, form: str) -> None:
    wanted = (search or "").casefold()
    found = [row for row in rows if wanted in " ".join(row).casefold()]
    match form:
        case "json":
            click.echo(json.dumps([dict(zip(names, row, strict=True)) for row in found], ensure_ascii=False, indent=2))
        case "csv":
            csv.writer(sys.stdout).writerows([names, *found])
        case _:
            echo_table(names, ["string"] * len(names), found, _MAX_DEFINITION)
