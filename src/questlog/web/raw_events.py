"""Stored events as people read them: when, what, and everything that was sent as JSON."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from questlog.analytics.question.answer import Answer
from questlog.console.table_formats import rows_of
from questlog.web.formats import Formats
from questlog.web.view import View

_encoder = msgspec.json.Encoder(decimal_format="number")
_NUMBERS_OF_OURS = frozenset({"row_no", "batch_no", "game_id", "player_no", "session_no", "event_no"})
_NAMES = ("event_id", "message", "ad_type", "category")


class RawEvent(NamedTuple):
    """One event: `name` is its id, or what else names it; `detail` its numbers; `json` all that is set."""

    row_no: int
    time: dt.datetime
    day: str
    clock: str
    category: str
    name: str
    detail: str
    severity: str
    source: str
    player_id: str
    session_no: int | None
    build: str
    json: str


def raw_events(answer: Answer, formats: Formats, view: View) -> list[RawEvent]:
    """The events of an answer with their columns, in its order; times are of the game's zone."""
    rows = answer.table.to_pylist()
    written = rows_of(answer.table)
    return [_event(row, text, formats, view) for row, text in zip(rows, written, strict=True)]


def _event(row: Mapping[str, Any], written: Mapping[str, Any], formats: Formats, view: View) -> RawEvent:
    time = row["event_time"]
    return RawEvent(
        row_no=row["row_no"],
        time=time,
        day=formats.day(local_day(time, view)),
        clock=formats.clock(time, view.game.zone),
        category=row["category"] or "",
        name=next((str(row[name]) for name in _NAMES if row.get(name)), ""),
        detail=_detail(row, formats),
        severity=row["severity"] or "",
        source=row["source"] or "",
        player_id=row["player_id"] or "",
        session_no=row["session_no"],
        build=row["build"] or "",
        json=_json(written),
    )


def local_day(time: dt.datetime, view: View) -> dt.date:
    """The day of the game's zone that a time of UTC is on."""
    return view.game.zone.day_of(round(time.replace(tzinfo=dt.UTC).timestamp() * 1_000_000))


def _detail(row: Mapping[str, Any], formats: Formats) -> str:
    said: list[str] = []
    if row["amount"] is not None:
        said.append(f"{formats.number(row['amount'] / 100, 2)} {row['currency'] or ''}".strip())
    if row["value"] is not None:
        said.append(formats.number(row["value"]))
    if row["value_text"]:
        said.append(str(row["value_text"]))
    if row["score"] is not None:
        said.append(formats.number(row["score"]))
    if row["length_s"] is not None:
        said.append(formats.duration(row["length_s"]))
    if row["message"] and row["event_id"]:
        said.append(str(row["message"]))
    return " · ".join(said)


def _json(row: Mapping[str, Any]) -> str:
    """Everything that is set and was sent, as JSON; numbers of ours are left out."""
    kept = {name: value for name, value in row.items() if value is not None and name not in _NUMBERS_OF_OURS}
    if isinstance(text := kept.get("attributes"), str):
        kept["attributes"] = msgspec.Raw(text.encode())
    return msgspec.json.format(_encoder.encode(kept), indent=2).decode()
