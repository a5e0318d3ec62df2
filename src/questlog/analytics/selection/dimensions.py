"""What can be grouped by and filtered on (metrics.md §4), and the column it is in each table.

A dimension of a prepared table is a column of its own: `dimension_column` says which.
"""

import enum
import re
from collections.abc import Callable, Collection, Mapping

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.engine import tables
from questlog.analytics.engine.functions import attribute
from questlog.analytics.question.problems import InvalidQuery, unknown
from questlog.analytics.question.query import AllOf, AnyOf, Condition, Filter, Not
from questlog.analytics.selection.buckets import LocalDays
from questlog.model.taxonomy import ID_PARTS
from questlog.store.schema import DIMENSIONS, EVENTS, PLAYERS

ATTRIBUTE = "attributes."
PROPERTY = "properties."
SEGMENT = "segment."
YES, NO = "yes", "no"
NEW, RETURNING = "new", "returning"
MAX_KEY_LENGTH = 200


class Kind(enum.StrEnum):
    """How a dimension's values compare."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"


class Dimension(msgspec.Struct, frozen=True):
    """A dimension's name, the kind of its values, and what it means."""

    name: str
    kind: Kind
    meaning: str


_TEXT_COLUMNS = (
    *DIMENSIONS,
    "gender",
    "source",
    "api_key_name",
    "category",
    "event_id",
    "value_text",
    "severity",
    "message",
    "currency",
    "cart_type",
    "receipt_store",
    "receipt_state",
    "ad_sdk_name",
    "ad_network_name",
    "ad_placement",
    "ad_type",
    "ad_action",
    "ad_fail_show_reason",
    "session_id",
)
_NUMBER_COLUMNS = (
    "birth_year",
    "value",
    "amount",
    "amount_usd",
    "transaction_num",
    "score",
    "attempt_num",
    "length_s",
    "ad_duration_ms",
    "ad_revenue_usd",
    "session_num",
)
_EVENT_MEANINGS = {column.name: column.meaning for column in EVENTS.columns}
_PLAYER_MEANINGS = {column.name: column.meaning for column in PLAYERS.columns}

_OF_PLAYER = {
    "first_build": (Kind.TEXT, "the game's version at install"),
    "install_date": (Kind.DATE, "local day of the player's first event"),
    "player_age": (Kind.TEXT, "`new` on the local day of the player's first event, `returning` afterwards"),
    "payer": (Kind.TEXT, "`yes` from the local day of the player's first purchase on, `no` before it"),
}
_PLAYER_NUMBERS = ("events", "sessions", "playtime_s", "transactions", "refunds", "revenue_usd")
_PLAYER_DATES = ("first_seen", "last_seen", "first_purchase")


_CUSTOM_FIELDS = "custom_fields."
FINGERPRINT = "message_fingerprint"
# The parts of a message that differ from time to time: UUIDs, addresses, hashes, numbers.
_VARYING = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|0[xX][0-9A-Fa-f]+|[0-9A-Fa-f]{8,}|[0-9]+"


def _catalogue() -> dict[str, Dimension]:
    found = [Dimension(name, Kind.TEXT, _EVENT_MEANINGS[name]) for name in _TEXT_COLUMNS]
    found.append(
        Dimension(FINGERPRINT, Kind.TEXT, "an error's message with `#` for every number, address, hash and UUID")
    )
    found += [Dimension(name, Kind.NUMBER, _EVENT_MEANINGS[name]) for name in _NUMBER_COLUMNS]
    found += [
        Dimension(
            name,
            Kind.TEXT,
            " or ".join(f"part {place + 1} of the id of {category} events" for category, place in places.items()),
        )
        for name, places in ID_PARTS.items()
    ]
    found += [Dimension(name, kind, meaning) for name, (kind, meaning) in _OF_PLAYER.items()]
    return {dimension.name: dimension for dimension in found}


EVENT_DIMENSIONS: Mapping[str, Dimension] = _catalogue()
"""Of events; in addition to `attributes.KEY` and `segment.NAME`."""

OF_PLAYER = frozenset(_OF_PLAYER)
"""Those of them that are of the event's player, on the event's day."""

_OF_WHO = {*DIMENSIONS, "gender", "birth_year", "source", "api_key_name", "session_id", "session_num"}
WHAT_HAPPENED = frozenset(EVENT_DIMENSIONS) - _OF_WHO - frozenset(_OF_PLAYER)
"""The dimensions that are of an event, and not of who it happened to."""

PLAYER_DIMENSIONS: Mapping[str, Dimension] = {
    **{name: Dimension(name, Kind.TEXT, _PLAYER_MEANINGS[name]) for name in (*DIMENSIONS, "source", "player_id")},
    **{name: Dimension(name, Kind.NUMBER, _PLAYER_MEANINGS[name]) for name in _PLAYER_NUMBERS},
    **{name: Dimension(name, Kind.DATE, f"local day of: {_PLAYER_MEANINGS[name]}") for name in _PLAYER_DATES},
    "first_build": EVENT_DIMENSIONS["first_build"],
    "install_date": EVENT_DIMENSIONS["install_date"],
    "payer": Dimension("payer", Kind.TEXT, "`yes` for players with a purchase, else `no`"),
}
"""Of players, up to now; the game's own are those at install. In addition to `properties.KEY` and `segment.NAME`."""

_COLUMN_PREFIX = "dim:"
_NOT_PLAIN = re.compile(r"[^a-z0-9_.: -]")


def dimension_column(name: str) -> str:
    """The column of a prepared table that has the dimension.

    To DuckDB the columns `level` and `Level` are one; attributes of these names are two. So whatever may have a capital
    or a small form is written as the number of its character.
    """
    return _COLUMN_PREFIX + _NOT_PLAIN.sub(lambda found: f"^{ord(found.group()):x};", name)


def referenced_dimensions(*filters: Filter | None) -> frozenset[str]:
    """The dimensions that filters speak of."""
    found: set[str] = set()
    pending: list[Filter | None] = list(filters)
    while pending:
        each = pending.pop()
        if isinstance(each, Condition):
            found.add(each.dimension)
        elif isinstance(each, Not):
            pending.append(each.filter)
        elif isinstance(each, AllOf | AnyOf):
            pending.extend(each.filters)
    return frozenset(found)


def kind_of(name: str) -> Kind:
    """How the dimension's values compare."""
    known = EVENT_DIMENSIONS.get(name) or PLAYER_DIMENSIONS.get(name)
    return known.kind if known else Kind.TEXT


def meaning_of(name: str) -> str:
    """What a dimension of events means."""
    known = EVENT_DIMENSIONS.get(name)
    if known is not None:
        return known.meaning
    if name.startswith(SEGMENT):
        return f"whether the player is in the segment {name.removeprefix(SEGMENT)!r}"
    return f"the event's attribute {name.removeprefix(ATTRIBUTE)!r}"


def check_event_dimension(field: str, name: str) -> None:
    """Raises `InvalidQuery` for a name that is no dimension of events and player days."""
    _check(field, name, EVENT_DIMENSIONS, (ATTRIBUTE, SEGMENT))


def check_player_dimension(field: str, name: str) -> None:
    """Raises `InvalidQuery` for a name that is no dimension of players."""
    _check(field, name, PLAYER_DIMENSIONS, (PROPERTY, SEGMENT))


def check_installed_dimension(field: str, name: str) -> None:
    """Raises `InvalidQuery` for a name that is no dimension of players, nor one of events on their first day."""
    _check(field, name, {**EVENT_DIMENSIONS, **PLAYER_DIMENSIONS}, (ATTRIBUTE, PROPERTY, SEGMENT))


def _check(field: str, name: str, known: Mapping[str, Dimension], prefixes: Collection[str]) -> None:
    for prefix in prefixes:
        if name.startswith(prefix):
            if not 0 < len(name) - len(prefix) <= MAX_KEY_LENGTH:
                raise InvalidQuery(field, f"{prefix} needs a key of 1 to {MAX_KEY_LENGTH} characters")
            return
    if name not in known:
        raise unknown(field, "dimension", name, known)


def add_dimensions(
    rows: ir.Table, names: Collection[str], days: LocalDays, day: ir.DateValue | None = None
) -> ir.Table:
    """Rows with a column for each dimension but segments: the row's own value, and what its player is on its day.

    `rows` have the columns of events that the dimensions need. `day` is the local day of each, unless it is that of the
    column `event_time`.
    """
    if set(_OF_PLAYER).isdisjoint(names):
        return rows.mutate(**{dimension_column(name): own_value(rows.__getitem__, name) for name in sorted(names)})
    rows = rows.mutate(**{_DAY: days.day_of(rows.event_time) if day is None else day})
    players = tables.players
    players = players.select(
        **{
            "player:no": players.player_no,
            "player:build": players.build,
            "player:first_day": player_day(players, "first_seen", days),
            "player:first_purchase": player_day(players, "first_purchase", days),
        }
    )
    rows = rows.left_join(players, rows.player_no == players["player:no"])
    values = {dimension_column(name): _value(rows, name) for name in sorted(names)}
    return rows.mutate(**values).drop(*players.columns, _DAY)


def add_player_dimensions(players: ir.Table, names: Collection[str], days: LocalDays) -> ir.Table:
    """Players with a column for each dimension but segments."""
    return players.mutate(**{dimension_column(name): _player_value(players, name, days) for name in sorted(names)})


_DAY = "player:day"


def _value(rows: ir.Table, name: str) -> ir.Value:
    if name not in _OF_PLAYER:
        return own_value(rows.__getitem__, name)
    first_day, is_known = rows["player:first_day"], rows.player_no.notnull()
    if name == "first_build":
        return rows["player:build"]
    if name == "install_date":
        return first_day
    if name == "player_age":
        is_new = (first_day == rows[_DAY]).fill_null(False)
        return ibis.cases((~is_known, ibis.null("string")), (is_new, NEW), else_=RETURNING)
    return _yes_or_no(rows["player:first_purchase"] <= rows[_DAY], is_known)


Columns = Callable[[str], ir.Value]
"""The columns of an event, by name."""


def own_value(of: Columns, name: str) -> ir.Value:
    """What an event says of a dimension itself."""
    if name in ID_PARTS:
        return _part(of("category"), of("event_id"), ID_PARTS[name])
    if name.startswith(ATTRIBUTE):
        return attribute(of("attributes"), *_keys(name.removeprefix(ATTRIBUTE)))
    return of("message").re_replace(_VARYING, "#") if name == FINGERPRINT else of(name)


def _keys(attribute_name: str) -> tuple[str, ...]:
    """Where the attribute is: `custom_fields.KEY` is a field in the object that GameAnalytics' SDKs send of them."""
    if attribute_name.startswith(_CUSTOM_FIELDS):
        return _CUSTOM_FIELDS.rstrip("."), attribute_name.removeprefix(_CUSTOM_FIELDS)
    return (attribute_name,)


def _player_value(players: ir.Table, name: str, days: LocalDays) -> ir.Value:
    if name.startswith(PROPERTY):
        key = name.removeprefix(PROPERTY)
        custom, default = (attribute(players.properties, which, key) for which in ("custom", "default"))
        return ibis.coalesce(custom, default)
    if name == "first_build":
        return players.build
    if name == "install_date":
        return player_day(players, "first_seen", days)
    if name == "payer":
        return _yes_or_no(players.first_purchase.notnull(), ibis.literal(value=True))
    return player_day(players, name, days) if name in _PLAYER_DATES else players[name]


_DAYS_OF_PLAYERS = {"first_seen": "first_day", "last_seen": "last_day", "first_purchase": "first_purchase_day"}


def player_day(players: ir.Table, time: str, days: LocalDays) -> ir.DateValue:
    """The local day of a player's `first_seen`, `last_seen` or `first_purchase`."""
    stored = _DAYS_OF_PLAYERS[time]
    return players[stored] if days.is_stored else days.day_of_any(players[time])


def _part(category: ir.StringColumn, event_id: ir.StringColumn, places: Mapping[str, int]) -> ir.StringColumn:
    parts = event_id.fill_null("").split(":")
    cases = [(category == each, parts[place].nullif("")) for each, place in places.items()]
    return ibis.cases(*cases, else_=ibis.null("string"))


def _yes_or_no(holds: ir.BooleanColumn, is_known: ir.BooleanColumn) -> ir.StringColumn:
    return ibis.cases((~is_known, ibis.null("string")), (holds.fill_null(False), YES), else_=NO)
