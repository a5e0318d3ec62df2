"""Every table of the analytics store and every column, with what it means. Migrations make them; a test compares."""

import enum

import msgspec

from questlog.model.event import DECODED_COLUMNS, Type
from questlog.store.column_docs import COLUMN_DOCS
from questlog.store.distributions import DISTRIBUTIONS
from questlog.store.event_kinds import AD_COUNTS, KINDS, bit


class Kind(enum.StrEnum):
    """The type of a stored column."""

    ID = "BIGINT"  # dense number of ours
    GAME = "INTEGER"
    COUNT = "BIGINT"
    TEXT = "VARCHAR"
    NUMBER = "DOUBLE"
    INTEGER = "BIGINT"
    TIME = "TIMESTAMP"  # UTC, microseconds
    DAY = "DATE"
    FLAG = "BOOLEAN"
    UUID = "UUID"
    RANK = "HUGEINT"
    MONEY = "DECIMAL(18,6)"
    MONEY_SUM = "DECIMAL(38,6)"
    SECONDS = "DECIMAL(18,6)"
    SECONDS_SUM = "DECIMAL(38,6)"


class Column(msgspec.Struct, frozen=True):
    """One column: its name, type and meaning."""

    name: str
    kind: str
    meaning: str


class Table(msgspec.Struct, frozen=True):
    """One table. `key` is the column of its primary key, "" for none."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: str = ""


_KINDS = {
    Type.TEXT: "VARCHAR",
    Type.INTEGER: "BIGINT",
    Type.NUMBER: "DOUBLE",
    Type.TIME: "TIMESTAMP",
    Type.JSON: "VARCHAR",
}

_KIND_BITS = ", ".join(f"{bit(kind)} {kind.first_part or kind.category}" for kind in KINDS)

DIMENSIONS = (
    "country",
    "platform",
    "os_version",
    "device",
    "manufacturer",
    "build",
    "engine_version",
    "sdk_version",
    "connection_type",
    "custom_01",
    "custom_02",
    "custom_03",
)
"""The dimensions that sessions, players, purchases and the values of player days carry a copy of."""


_OF_A_PURCHASE = (
    "category",
    "event_id",
    "amount",
    "currency",
    "transaction_num",
    "cart_type",
    "receipt_store",
)


def _dimensions(whose: str) -> tuple[Column, ...]:
    return tuple(Column(name, "VARCHAR", f"{COLUMN_DOCS[name]}; {whose}") for name in DIMENSIONS)


_DECIDES = "rank of the event that the next columns come from"
_TELLING = "with a platform; if none has one, the earliest with a country; else the earliest of all"

_GAME = Column("game_id", Kind.GAME, "the game's number")
_SALES = (
    Column("transactions", Kind.COUNT, "number of purchases (amount above 0)"),
    Column("revenue_usd", Kind.MONEY_SUM, "Σ `amount_usd` of purchases, net of refunds"),
)
_PLAYER_NO = Column("player_no", Kind.ID, "the player's number, without gaps over all games")
_PLAYER_ID = Column("player_id", Kind.TEXT, "the player's id as sent")

EVENTS = Table(
    "events",
    "One row per accepted event of both protocols. All other tables can be computed from it, except "
    "`rejected_events`, `ingest_hours`, `erasures` and player properties.",
    (
        Column("row_no", Kind.ID, "number of the row in order of loading, from 1 without reuse"),
        Column("batch_no", Kind.ID, "number of the load transaction that stored the event"),
        _GAME,
        Column("source", Kind.TEXT, "`gameanalytics`, `satori_client`, `satori_server` or `satori_system`"),
        Column("api_key_name", Kind.TEXT, "name of the API key that the event was sent with"),
        Column(
            "event_uuid",
            Kind.UUID,
            "the client's id if it is a UUID, else a hash of it; without an id, made from the journal position",
        ),
        Column(
            "has_client_id",
            Kind.FLAG,
            "true if the client gave an id; then only one event with the same game, player and id is stored",
        ),
        Column("received_at", Kind.TIME, "when the collector received it"),
        Column("event_time", Kind.TIME, "time of the event that all analyses use"),
        Column("player_no", Kind.ID, "the player's number in `players`; null without a player"),
        Column("session_no", Kind.ID, "the session's number in `sessions`; null without a session or a player"),
        Column(
            "session_is_matched",
            Kind.FLAG,
            "true if the event was sent without a session, and the session was found for it",
        ),
        Column("event_no", Kind.ID, "number of the event's name (game, category and event id) in `event_names`"),
        Column("writer", Kind.GAME, "journal position: the collector process"),
        Column("segment", Kind.ID, "journal position: the segment"),
        Column("record_offset", Kind.ID, "journal position: the record's first byte"),
        Column("record_index", Kind.GAME, "the event's place in its request"),
        *(Column(name, _KINDS[kind], COLUMN_DOCS[name]) for name, kind in DECODED_COLUMNS.items()),
        Column("amount_usd", Kind.MONEY, "`amount` in US dollars with the day's rate; null for an unknown currency"),
        Column("ad_revenue_usd", Kind.MONEY, "`ad_revenue` in US dollars with the day's rate"),
        Column(
            "receipt_state",
            Kind.TEXT,
            "state of a purchase's receipt: `valid`, `invalid` or `unchecked`; null for other events",
        ),
    ),
)

SESSIONS = Table(
    "sessions",
    "One row per session. A matched event (sent without a session) counts in `events`, `revenue_usd` and "
    "`transactions`, and changes nothing else.",
    (
        Column("session_no", Kind.ID, "the session's number, without gaps over all games"),
        Column(
            "family_no",
            Kind.ID,
            "number of its family's first session; a family is all sessions that differ only in time",
        ),
        Column(
            "is_of_token",
            Kind.FLAG,
            "true for a session of a Satori token: its id alone identifies it, for events of all players",
        ),
        _GAME,
        Column("session_id", Kind.TEXT, "the session's id as sent"),
        Column("player_no", Kind.ID, "number of the player of the session's last event"),
        Column("player_id", Kind.TEXT, "id of that player"),
        Column("first_event_time", Kind.TIME, "time of the earliest event"),
        Column(
            "start_time",
            Kind.TIME,
            "time of the earliest event; or of the creation, if it is earlier and after the family's previous session",
        ),
        Column("day", Kind.DAY, "local day of `start_time`"),
        Column("end_time", Kind.TIME, "time of the latest event"),
        Column("ended_length_s", Kind.SECONDS, "greatest `length` of the `session_end` events; null without one"),
        Column(
            "length_s",
            Kind.SECONDS,
            "length of the session: `ended_length_s`, else end − start; seconds, at most 31 days",
        ),
        Column("issued_at", Kind.TIME, "earliest `session_issued_at` of its events"),
        Column("expires_at", Kind.TIME, "latest `session_expires_at` of its events"),
        Column("events", Kind.COUNT, "number of events"),
        *_SALES,
        Column("first_rank", Kind.RANK, f"{_DECIDES}: the earliest {_TELLING}"),
        Column("source", Kind.TEXT, "source of that event"),
        Column(
            "session_num",
            Kind.INTEGER,
            "number of the player's session by the client's count, 1 = first; of that event",
        ),
        *_dimensions("of that event"),
    ),
    key="session_no",
)

PLAYERS = Table(
    "players",
    "One row per player, with totals up to now.",
    (
        _PLAYER_NO,
        _GAME,
        _PLAYER_ID,
        Column("first_seen", Kind.TIME, "time of the first event; null without events"),
        Column("last_seen", Kind.TIME, "time of the last event"),
        Column("events", Kind.COUNT, "number of events"),
        Column("sessions", Kind.COUNT, "number of sessions"),
        Column("playtime_s", Kind.SECONDS_SUM, "Σ length of the sessions, seconds"),
        *_SALES,
        Column("refunds", Kind.COUNT, "number of refunds (amount below 0)"),
        Column("first_purchase", Kind.TIME, "time of the first purchase; null without one"),
        Column("first_day", Kind.DAY, "local day of the first event; null without events"),
        Column("last_day", Kind.DAY, "local day of the last event"),
        Column("first_purchase_day", Kind.DAY, "local day of `first_purchase`"),
        Column("first_rank", Kind.RANK, f"{_DECIDES}: the earliest {_TELLING}"),
        Column("source", Kind.TEXT, "source of that event"),
        *_dimensions("at install: of that event"),
        Column("properties", Kind.TEXT, "JSON: default and custom properties; null if none were set"),
        Column("properties_at", Kind.TIME, "when the properties were received"),
    ),
    key="player_no",
)

_LIFETIME_COLUMNS = tuple(column for column in PLAYERS.columns if not column.name.startswith("properties"))

EXPIRED_PLAYERS = Table(
    "expired_players",
    "What expired events and sessions add to a player's row in `players`. A rebuild adds it to what the stored events "
    "say.",
    _LIFETIME_COLUMNS,
    key="player_no",
)

PLAYER_DAYS = Table(
    "player_days",
    "One row per player and local day, if the day has an event or the start of a session. Events without a player "
    "have one row per game and local day, so that sums cover the whole game.",
    (
        Column(
            "player_day_no",
            Kind.ID,
            "key: `player_no` and `day` in one number (without a player, the negative `game_id` and `day`)",
        ),
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("player_no", Kind.ID, "the player's number; null for events without a player"),
        Column("is_new", Kind.FLAG, "true if the player's first event is on this day"),
        Column("events", Kind.COUNT, "number of events of the day"),
        Column("sessions", Kind.COUNT, "number of sessions that started on the day"),
        Column("playtime_s", Kind.SECONDS_SUM, "Σ length of the sessions that started on the day, seconds"),
        Column("ad_revenue_usd", Kind.MONEY_SUM, "Σ `ad_revenue_usd` of the day"),
        Column("first_day", Kind.DAY, "local day of the player's first event; null without events"),
        Column("prev_day", Kind.DAY, "the player's previous local day with an event; null if this is the first"),
        Column("kinds", Kind.INTEGER, f"kinds of events on the day, as a sum of: {_KIND_BITS}"),
    ),
    key="player_day_no",
)

PLAYER_DAY_VALUES = Table(
    "player_day_values",
    "One row per player, local day and combination of dimension values in the day's events; also for events without a "
    "player. To count the players of a day by one dimension, count the rows with the dimension's bit in `first_of`.",
    (
        Column("player_day_no", Kind.ID, "number of the player's day in `player_days`"),
        Column("values_key", Kind.ID, "hash of the dimension values; equal values have equal hashes"),
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("player_no", Kind.ID, "the player's number; null for events without a player"),
        Column("events", Kind.COUNT, "number of events of the day with these values"),
        Column("ad_revenue_usd", Kind.MONEY_SUM, "Σ `ad_revenue_usd` of these events"),
        Column("kinds", Kind.INTEGER, f"kinds of these events, as a sum of: {_KIND_BITS}"),
        Column(
            "first_of",
            Kind.GAME,
            "a bit per dimension below, 1 for the first, 2 for the second, …: set if this was the day's first row with "
            "its value of that dimension (null is a value too). "
            f"{1 << len(DIMENSIONS)}: this was the day's first row of all",
        ),
        Column("is_only", Kind.FLAG, "true if the day has no other combination"),
        *_dimensions("of these events"),
    ),
)

PURCHASES = Table(
    "purchases",
    "One row per purchase (an amount above 0) and refund (below 0), in order of loading.",
    (
        Column("row_no", Kind.ID, "the event's row in `events`"),
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("event_time", Kind.TIME, "time of the event that all analyses use"),
        Column("player_no", Kind.ID, "the player's number; null without a player"),
        Column("session_no", Kind.ID, "the session's number in `sessions`; null without a session"),
        Column("event_no", Kind.ID, "number of the event's name (category and event id) in `event_names`"),
        Column("source", Kind.TEXT, "`gameanalytics`, `satori_client`, `satori_server` or `satori_system`"),
        Column("api_key_name", Kind.TEXT, "name of the API key that the event was sent with"),
        *(Column(name, _KINDS[DECODED_COLUMNS[name]], COLUMN_DOCS[name]) for name in _OF_A_PURCHASE),
        Column("amount_usd", Kind.MONEY, "`amount` in US dollars with the day's rate; null without a rate"),
        Column("receipt_state", Kind.TEXT, "`valid`, `invalid` or `unchecked`"),
        Column("is_refund", Kind.FLAG, "true if `amount` is below 0"),
        *_dimensions("of the event itself"),
    ),
)

EVENT_NAMES = Table(
    "event_names",
    "One row per name (category and event id) that was ever stored, per game.",
    (
        Column("event_no", Kind.ID, "the name's number, without gaps over all games"),
        _GAME,
        Column("category", Kind.TEXT, COLUMN_DOCS["category"]),
        Column("event_id", Kind.TEXT, COLUMN_DOCS["event_id"]),
    ),
)

EVENT_DAYS = Table(
    "event_days",
    "One row per event id and local day.",
    (
        Column("event_day_no", Kind.ID, "key: `event_no` and `day` in one number"),
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("event_no", Kind.ID, "number of the event's name (category and event id) in `event_names`"),
        Column("category", Kind.TEXT, COLUMN_DOCS["category"]),
        Column("event_id", Kind.TEXT, COLUMN_DOCS["event_id"]),
        Column("events", Kind.COUNT, "number of events"),
        Column("value_count", Kind.COUNT, "number of events with a `value`"),
        Column("value_sum", Kind.NUMBER, "Σ `value`"),
        Column("value_min", Kind.NUMBER, "least `value`"),
        Column("value_max", Kind.NUMBER, "greatest `value`"),
        Column("value_abs_sum", Kind.NUMBER, "Σ `value` without its sign"),
        Column("score_count", Kind.COUNT, "number of events with a `score`"),
        Column("score_sum", Kind.NUMBER, "Σ `score`"),
        Column("attempt_count", Kind.COUNT, "number of Complete progressions with an `attempt_num`"),
        Column("attempt_sum", Kind.NUMBER, "Σ `attempt_num` of Complete progressions"),
        *_SALES,
        Column("refunds", Kind.COUNT, "number of refunds (amount below 0)"),
        Column(
            "unpriced",
            Kind.COUNT,
            "number of purchases and refunds without a rate; `revenue_usd` does not include them",
        ),
        Column("ad_revenue_usd", Kind.MONEY_SUM, "Σ `ad_revenue_usd`"),
        *(
            Column(name, Kind.COUNT, f"number of events with the `ad_action` `{action}`")
            for name, action in AD_COUNTS.items()
        ),
    ),
    key="event_day_no",
)

VALUE_COUNTS = Table(
    "value_counts",
    "How often each number occurred in a game's events of one kind, per local day; medians and percentiles come from "
    "it. A number can have several rows: rows of a day are merged only when there are many.",
    (
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("field", Kind.TEXT, f"kind of number: {', '.join(f'`{sampled.field}`' for sampled in DISTRIBUTIONS)}"),
        Column("bin", Kind.GAME, "bin of the number in `value_bins`"),
        Column("value", Kind.NUMBER, "the number; for a table in health events, the index of an entry, from 0"),
        Column(
            "samples",
            Kind.COUNT,
            "number of events with this number; for a table in health events, the sum of the entries",
        ),
    ),
)

VALUE_BINS = Table(
    "value_bins",
    "The numbers of `value_counts`, counted in bins of nearly equal numbers.",
    (
        Column("value_bin_no", Kind.ID, "key: game, field, day and bin in one number"),
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("field", Kind.TEXT, "as in `value_counts`"),
        Column(
            "bin",
            Kind.GAME,
            "the bin: numbers with the same sign, exponent and first six binary digits of the fraction; ordered",
        ),
        Column("samples", Kind.COUNT, "Σ `samples`"),
        Column("value_sum", Kind.NUMBER, "Σ `value` · `samples`"),
    ),
    key="value_bin_no",
)

FIELD_VALUES = Table(
    "field_values",
    "One row per game, local day, field and value of the day's events. Cardinality limits use it.",
    (
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column(
            "field",
            Kind.TEXT,
            "a column of `events`, or a part of the event id: `progression_01` to `_03`, "
            "`business_item_type`, `business_item_id`, `resource_currency`, `resource_item_type`, "
            "`resource_item_id`, `design_event_id`",
        ),
        Column("value", Kind.TEXT, "the value"),
        Column("row_no", Kind.ID, "row of the day's first event with the value; values of a field are ranked by it"),
    ),
)

PLAYER_EVENT_TOTALS = Table(
    "player_event_totals",
    "One row per player and event name of Satori's events. Computed properties come from it.",
    (
        Column("player_event_no", Kind.ID, "key: `player_no` and `event_no` in one number"),
        _PLAYER_NO,
        Column("event_no", Kind.ID, "number of the event's name in `event_names`"),
        Column("events", Kind.COUNT, "number of events"),
        Column("first_seen", Kind.TIME, "time of the first event"),
        Column("last_seen", Kind.TIME, "time of the last event"),
        Column("value_count", Kind.COUNT, "number of events with a `value`"),
        Column("value_sum", Kind.NUMBER, "Σ `value`"),
        Column("value_min", Kind.NUMBER, "least `value`"),
        Column("value_max", Kind.NUMBER, "greatest `value`"),
        Column("batch_no", Kind.ID, "number of the load transaction that last changed the row"),
    ),
    key="player_event_no",
)

EXPIRED_TOTALS = Table(
    "expired_totals",
    "What expired events add to a row of `player_event_totals`. A rebuild adds it to what the stored events say.",
    (_GAME, *PLAYER_EVENT_TOTALS.columns),
    key="player_event_no",
)

SESSIONLESS_EVENTS = Table(
    "sessionless_events",
    "One row per Satori event of a player that was sent without a session. Used to match again when sessions change.",
    (
        Column("row_no", Kind.ID, "the event's row"),
        _PLAYER_NO,
        Column("event_time", Kind.TIME, "the event's time"),
        Column("session_no", Kind.ID, "the session that was found; null if none was"),
    ),
)

REJECTED_EVENTS = Table(
    "rejected_events",
    "Dropped events and rejected requests, with the reason. Kept for `rejected.keep_days`, and up to "
    "`rejected.max_rows_per_game`.",
    (
        Column("rejected_no", Kind.ID, "number of the row in order of loading"),
        Column("game_id", Kind.GAME, "the game's number; 0 if the request names no known game"),
        Column("received_at", Kind.TIME, "when the collector received it"),
        Column("source", Kind.TEXT, "`gameanalytics`, `satori_client`, `satori_server` or `unknown`"),
        Column("api_key_name", Kind.TEXT, "name of the API key that the event was sent with"),
        Column(
            "is_whole_request",
            Kind.FLAG,
            "true for a request that was rejected as a whole, false for one event of a request",
        ),
        Column("reason", Kind.TEXT, "name of the reason, as in the answer, the metrics and the documentation"),
        Column("detail", Kind.TEXT, "the reason in words"),
        Column("errors", Kind.TEXT, "JSON list of {error_type, path}; null if no field is the cause"),
        Column("raw", Kind.TEXT, "the event or request as sent, at most 16 KiB of it"),
        Column("player_id", Kind.TEXT, "the player's id, if it could be read"),
        Column("category", Kind.TEXT, f"{COLUMN_DOCS['category']}, if it could be read"),
        Column("event_id", Kind.TEXT, f"{COLUMN_DOCS['event_id']}, if it could be read"),
        Column("session_id", Kind.TEXT, "the session's id, if it could be read"),
        Column("build", Kind.TEXT, f"{COLUMN_DOCS['build']}, if it could be read"),
        Column("sdk_version", Kind.TEXT, f"{COLUMN_DOCS['sdk_version']}, if it could be read"),
        Column("country", Kind.TEXT, "country of the request's address"),
        Column("session_issued_at", Kind.TIME, "when the session token was issued, if the request had one"),
        Column("session_expires_at", Kind.TIME, "when the session token expires, if the request had one"),
        Column("writer", Kind.GAME, "journal position: the collector process"),
        Column("segment", Kind.ID, "journal position: the segment"),
        Column("record_offset", Kind.ID, "journal position: the record's first byte"),
        Column("record_index", Kind.GAME, "the event's place in its request"),
        Column("resend_key", Kind.TEXT, "as in `resend_keys`, if the event is replayed"),
        Column("is_complete", Kind.FLAG, "true if `raw` is all that was sent; an event without it is not replayed"),
    ),
)

INGEST_HOURS = Table(
    "ingest_hours",
    "Counts of events, per game, hour of `received_at`, source, SDK and build: "
    "received = stored + rejected + duplicates.",
    (
        Column("ingest_hour_no", Kind.ID, "key: a hash of the game, hour, source, SDK and build"),
        _GAME,
        Column("hour", Kind.TIME, "start of the hour"),
        Column("received", Kind.COUNT, "events received"),
        Column("stored", Kind.COUNT, "events stored"),
        Column("rejected", Kind.COUNT, "events dropped with a reason"),
        Column("duplicates", Kind.COUNT, "events dropped because they were stored before"),
        Column("rejected_requests", Kind.COUNT, "requests rejected as a whole; their events are not counted above"),
        Column("source", Kind.TEXT, "as in `events` and `rejected_events`; null for hours before version 9"),
        Column("sdk_version", Kind.TEXT, COLUMN_DOCS["sdk_version"]),
        Column("build", Kind.TEXT, COLUMN_DOCS["build"]),
    ),
    key="ingest_hour_no",
)

ERASURES = Table(
    "erasures",
    "Erased players. Only a hash of the player's id is stored, so that late events are dropped too.",
    (
        _GAME,
        Column("player_hash", Kind.UUID, "128-bit hash of the player's id"),
        Column("player_no", Kind.ID, "the player's number, if the player had one"),
        Column("erased_at", Kind.TIME, "everything received until this time is erased"),
        Column("is_done", Kind.FLAG, "true when the erasure has finished"),
    ),
)

POSITIONS = Table(
    "positions",
    "How far each writer's journal has been loaded. Written in the same transaction as the rows.",
    (
        Column("writer", Kind.GAME, "number of the collector process"),
        Column("segment", Kind.ID, "number of the segment"),
        Column("byte_offset", Kind.ID, "where the next record starts"),
    ),
)

RESEND_KEYS = Table(
    "resend_keys",
    "Events without an id from requests that were dropped in part. If the same request comes again within a day, its "
    "events are not stored twice. Kept for two days.",
    (
        Column("row_no", Kind.ID, "the event's row"),
        _GAME,
        Column("resend_key", Kind.TEXT, "hash of the request's body, and index of the event"),
        Column("received_s", Kind.INTEGER, "when it was received, seconds since 1970"),
    ),
)

GAME_ZONES = Table(
    "game_zones",
    "The time zone of the local days in a game's rows. A game without a row uses UTC.",
    (
        _GAME,
        Column("time_zone", Kind.TEXT, "IANA name of the zone"),
    ),
)

EXPIRIES = Table(
    "expiries",
    "Up to when the events of a game have expired. Older events that arrive later are dropped.",
    (
        _GAME,
        Column("before", Kind.TIME, "events before this time have expired"),
    ),
)

DELETED_GAMES = Table(
    "deleted_games",
    "Games that were deleted. What arrives for them is dropped.",
    (
        _GAME,
        Column("is_done", Kind.FLAG, "all rows of the game are deleted"),
    ),
)

COUNTERS = Table(
    "counters",
    "One row with the last number of each kind.",
    (
        Column("batch_no", Kind.ID, "load transactions"),
        Column("row_no", Kind.ID, "events"),
        Column("player_no", Kind.ID, "players"),
        Column("session_no", Kind.ID, "sessions"),
        Column("event_no", Kind.ID, "event names"),
        Column("rejected_no", Kind.ID, "rejected events"),
    ),
)

STORE = Table(
    "store",
    "One row: what tells this store from others.",
    (Column("store_id", Kind.TEXT, "random, made with the store"),),
)

UNFINISHED = Table(
    "unfinished",
    "Steps of a migration that are not finished. Empty while the store is open.",
    (Column("step", Kind.TEXT, "the step"),),
)

SCHEMA_VERSION = Table(
    "schema_version",
    "One row: which version of this page the database has.",
    (Column("version", Kind.GAME, "the version"),),
)

TABLES = (
    EVENTS,
    SESSIONS,
    PLAYERS,
    EXPIRED_PLAYERS,
    PLAYER_DAYS,
    PLAYER_DAY_VALUES,
    PURCHASES,
    EVENT_NAMES,
    EVENT_DAYS,
    VALUE_COUNTS,
    VALUE_BINS,
    FIELD_VALUES,
    PLAYER_EVENT_TOTALS,
    EXPIRED_TOTALS,
    SESSIONLESS_EVENTS,
    REJECTED_EVENTS,
    INGEST_HOURS,
    ERASURES,
    POSITIONS,
    RESEND_KEYS,
    GAME_ZONES,
    EXPIRIES,
    DELETED_GAMES,
    COUNTERS,
    STORE,
    UNFINISHED,
    SCHEMA_VERSION,
)
