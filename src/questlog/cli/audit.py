"""`questlog audit`: who did what."""

import csv
import datetime as dt
import re
import sys

import click
import msgspec

from questlog.cli.control import existing_control, print_json, rfc3339
from questlog.cli.settings import settings_options
from questlog.cli.table import text_table
from questlog.config import Settings

_COLUMNS = ("at", "who", "action", "game", "subject", "address")
_AGO = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@click.command("audit", short_help="Show who did what.")
@click.option("--game", metavar="GAME", help="Only entries about this game: name, game key or number.")
@click.option("--who", metavar="WHO", help="Only what this user or token did: an e-mail address, or `token NAME`.")
@click.option("--since", metavar="TIME", help="Only from this day or time on, or so long back: 2026-11-30, 24h, 7d.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Most entries.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "csv", "json")),
    default="table",
    show_default=True,
    help="Form of the answer. JSON also has what was there before and after.",
)
@settings_options
def command(settings: Settings, game: str | None, who: str | None, since: str | None, limit: int, form: str) -> None:
    """Show the audit log, newest entries first.

    It has every change, export and read of personal data, every log-in and failed log-in: who, what, which game, when,
    from where. Entries are never changed; they are deleted after `audit.keep_days`.
    """
    from questlog.control.audit_log import AuditFilter
    from questlog.model.clock import SystemClock

    with existing_control(settings) as control:
        game_ids = None if game is None else [control.find_game(game).game_id]
        since_us = None if since is None else _since_us(since, SystemClock().now_us())
        entries = control.list_audit(AuditFilter(game_ids=game_ids, who=who, since=since_us, limit=limit))
    rows = [msgspec.structs.asdict(entry) | {"at": rfc3339(entry.at)} for entry in entries]
    if form == "json":
        print_json(rows)
        return
    shown = [[str(row[name] or "") for name in _COLUMNS] for row in rows]
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([_COLUMNS, *shown])
        return
    for line in text_table(_COLUMNS, ["text"] * len(_COLUMNS), [[_printable(text) for text in row] for row in shown]):
        click.echo(line)


def _since_us(text: str, now_us: int) -> int:
    matched = _AGO.fullmatch(text)
    if matched is not None:
        return now_us - dt.timedelta(**{_UNITS[matched[2]]: int(matched[1])}) // dt.timedelta(microseconds=1)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--since takes a day, a time, or 24h, 7d, 2w, not {text!r}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _printable(text: str) -> str:
    """What others have typed must not steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)[:80]
