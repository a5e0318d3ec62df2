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


_DECIDES = "order of the event that the next columns are from"
_TELLING = "with a platform; if none names one, with a country; or of all"

_GAME = Column("game_id", Kind.GAME, "the game's number")
_SALES = (
    Column("transactions", Kind.COUNT, "purchases with an amount above 0"),
    Column("revenue_usd", Kind.MONEY_SUM, "Σ `amount_usd` of purchases, net of refunds"),
)
_PLAYER_NO = Column("player_no", Kind.ID, "the player's number, dense over all games")
_PLAYER_ID = Column("player_id", Kind.TEXT, "the player's id as sent")

EVENTS = Table(
    "events",
    "One row per accepted event of both protocols. Nothing else is needed to compute all the other tables but "
    "`rejected_events`, `ingest_hours`, `erasures` and player properties.",
    (
        Column("row_no", Kind.ID, "number of the row in order of loading, from 1 without reuse"),
        Column("batch_no", Kind.ID, "number of the load transaction that stored it"),
        _GAME,
        Column("source", Kind.TEXT, "`gameanalytics`, `satori_client`, `satori_server` or `satori_system`"),
        Column("api_key_name", Kind.TEXT, "name of the API key it was sent with"),
        Column("event_uuid", Kind.UUID, "the client's id if that is a UUID, else its hash; else made from the place"),
        Column(
            "has_client_id",
            Kind.FLAG,
            "whether the client gave an id: of the same game, player and id only one event is stored",
        ),
        Column("received_at", Kind.TIME, "when the collector received it"),
        Column("event_time", Kind.TIME, "the time to analyse by (metrics.md §1)"),
        Column("player_no", Kind.ID, "number of `player_id` in `players`; null without one"),
        Column("session_no", Kind.ID, "number of the session in `sessions`; null without one or without a player"),
        Column("session_is_matched", Kind.FLAG, "the session was not sent but found for the event (metrics.md §2)"),
        Column("event_no", Kind.ID, "number of game, category and event_id in `event_names`"),
        Column("writer", Kind.GAME, "journal position: the collector process"),
        Column("segment", Kind.ID, "journal position: the segment"),
        Column("record_offset", Kind.ID, "journal position: the record's first byte"),
        Column("record_index", Kind.GAME, "the event's place in its request"),
        *(Column(name, _KINDS[kind], COLUMN_DOCS[name]) for name, kind in DECODED_COLUMNS.items()),
        Column("amount_usd", Kind.MONEY, "`amount` in US dollars at the day's rate; null for an unknown currency"),
        Column("ad_revenue_usd", Kind.MONEY, "`ad_revenue` in US dollars at the day's rate"),
        Column(
            "receipt_state",
            Kind.TEXT,
            "of a purchase: `valid`, `invalid` or `unchecked`; null: no purchase",
        ),
    ),
)

SESSIONS = Table(
    "sessions",
    "One row per session (metrics.md §2). A matched event counts in `events`, `revenue_usd` and `transactions`, and "
    "changes nothing else.",
    (
        Column("session_no", Kind.ID, "the session's number, dense over all games"),
        Column("family_no", Kind.ID, "the same for sessions that differ only in time; the number of the first of them"),
        Column("is_of_token", Kind.FLAG, "session of a Satori token: known by its id alone, of any player's events"),
        _GAME,
        Column("session_id", Kind.TEXT, "the session's id as sent"),
        Column("player_no", Kind.ID, "number of the player of its last event"),
        Column("player_id", Kind.TEXT, "id of that player"),
        Column("first_event_time", Kind.TIME, "earliest event"),
        Column(
            "start_time",
            Kind.TIME,
            "earliest event, or creation if that was earlier and after the session before of the same family",
        ),
        Column("day", Kind.DAY, "local day of `start_time`"),
        Column("end_time", Kind.TIME, "latest event"),
        Column("ended_length_s", Kind.SECONDS, "the greatest `length` of its session_end events; null without one"),
        Column("length_s", Kind.SECONDS, "`ended_length_s`, else end − start, seconds; 31 days at most"),
        Column("issued_at", Kind.TIME, "earliest issued-at sent with its events"),
        Column("expires_at", Kind.TIME, "latest expires-at sent with its events"),
        Column("events", Kind.COUNT, "events"),
        *_SALES,
        Column("first_rank", Kind.RANK, f"{_DECIDES}: the earliest {_TELLING}"),
        Column("source", Kind.TEXT, "source of that event"),
        Column("session_num", Kind.INTEGER, "number of the player's session by the client's count, of that event"),
        *_dimensions("of that event"),
    ),
    key="session_no",
)

PLAYERS = Table(
    "players",
    "One row per player: everything up to now.",
    (
        _PLAYER_NO,
        _GAME,
        _PLAYER_ID,
        Column("first_seen", Kind.TIME, "earliest event; null while there is none"),
        Column("last_seen", Kind.TIME, "latest event"),
        Column("events", Kind.COUNT, "events"),
        Column("sessions", Kind.COUNT, "sessions"),
        Column("playtime_s", Kind.SECONDS_SUM, "Σ length of the sessions, seconds"),
        *_SALES,
        Column("refunds", Kind.COUNT, "purchases with an amount below 0"),
        Column("first_purchase", Kind.TIME, "earliest purchase with an amount above 0; null without one"),
        Column("first_day", Kind.DAY, "local day of the first event; null while there is none"),
        Column("last_day", Kind.DAY, "local day of the last event"),
        Column("first_purchase_day", Kind.DAY, "local day of `first_purchase`"),
        Column("first_rank", Kind.RANK, f"{_DECIDES}: the earliest {_TELLING}"),
        Column("source", Kind.TEXT, "source of that event"),
        *_dimensions("at install: of that event"),
        Column("properties", Kind.TEXT, "JSON: default and custom properties; null while none were set"),
        Column("properties_at", Kind.TIME, "when they were received"),
    ),
    key="player_no",
)

PLAYER_DAYS = Table(
    "player_days",
    "One row per player and local day with an event or the start of a session; and one per game and local day for "
    "events without a player, so that sums are the whole game's.",
    (
        Column("player_day_no", Kind.ID, "`player_no` (`game_id`, negative, where it is null) and `day`: the key"),
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("player_no", Kind.ID, "the player's number, dense over all games; null: what is of no player"),
        Column("is_new", Kind.FLAG, "the player was first seen on this day"),
        Column("events", Kind.COUNT, "events of the day"),
        Column("sessions", Kind.COUNT, "sessions started on the day"),
        Column("playtime_s", Kind.SECONDS_SUM, "Σ length of the sessions started on the day, seconds"),
        Column("ad_revenue_usd", Kind.MONEY_SUM, "Σ `ad_revenue_usd` of the day"),
        Column("first_day", Kind.DAY, "local day of the player's first event; null while there is none"),
        Column("prev_day", Kind.DAY, "the player's last local day before this one with an event; null: there is none"),
        Column("kinds", Kind.INTEGER, f"kinds of events of the day, added up: {_KIND_BITS}"),
    ),
    key="player_day_no",
)

PLAYER_DAY_VALUES = Table(
    "player_day_values",
    "One row per player, local day and combination of dimension values that an event of the day had; and the same for "
    "a game's events without a player. Players of a day by one dimension are the rows with that dimension's bit in "
    "`first_of`.",
    (
        Column("player_day_no", Kind.ID, "number of the player's day in `player_days`"),
        Column("values_key", Kind.ID, "hash of the dimension values; the same everywhere for the same values"),
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("player_no", Kind.ID, "the player's number; null: events without a player"),
        Column("events", Kind.COUNT, "events of the day with these values"),
        Column("ad_revenue_usd", Kind.MONEY_SUM, "Σ `ad_revenue_usd` of these events"),
        Column("kinds", Kind.INTEGER, f"kinds of these events, added up: {_KIND_BITS}"),
        Column(
            "first_of",
            Kind.GAME,
            "bits, 1 for the first dimension below, 2 for the second, …: the row is the day's first arrived with its "
            f"value of that dimension (null is a value too); {1 << len(DIMENSIONS)}: it is the day's first arrived",
        ),
        Column("is_only", Kind.FLAG, "the day has no other combination"),
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
        Column("event_time", Kind.TIME, "the time to analyse by (metrics.md §1)"),
        Column("player_no", Kind.ID, "the player's number; null without a player"),
        Column("session_no", Kind.ID, "number of the session in `sessions`; null without one"),
        Column("event_no", Kind.ID, "number of category and event id in `event_names`"),
        Column("source", Kind.TEXT, "`gameanalytics`, `satori_client`, `satori_server` or `satori_system`"),
        Column("api_key_name", Kind.TEXT, "name of the API key it was sent with"),
        *(Column(name, _KINDS[DECODED_COLUMNS[name]], COLUMN_DOCS[name]) for name in _OF_A_PURCHASE),
        Column("amount_usd", Kind.MONEY, "`amount` in US dollars at the day's rate; null: there is no rate"),
        Column("receipt_state", Kind.TEXT, "`valid`, `invalid` or `unchecked`"),
        Column("is_refund", Kind.FLAG, "`amount` is below 0"),
        *_dimensions("of the event itself"),
    ),
)

EVENT_NAMES = Table(
    "event_names",
    "Every category and event id that was ever stored, per game.",
    (
        Column("event_no", Kind.ID, "the number, dense over all games"),
        _GAME,
        Column("category", Kind.TEXT, COLUMN_DOCS["category"]),
        Column("event_id", Kind.TEXT, COLUMN_DOCS["event_id"]),
    ),
)

EVENT_DAYS = Table(
    "event_days",
    "One row per event id and local day.",
    (
        Column("event_day_no", Kind.ID, "`event_no` and `day` in one number: the key"),
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("event_no", Kind.ID, "number of category and event id in `event_names`"),
        Column("category", Kind.TEXT, COLUMN_DOCS["category"]),
        Column("event_id", Kind.TEXT, COLUMN_DOCS["event_id"]),
        Column("events", Kind.COUNT, "events"),
        Column("value_count", Kind.COUNT, "events with a `value`"),
        Column("value_sum", Kind.NUMBER, "Σ `value`"),
        Column("value_min", Kind.NUMBER, "least `value`"),
        Column("value_max", Kind.NUMBER, "greatest `value`"),
        Column("value_abs_sum", Kind.NUMBER, "Σ `value` without its sign"),
        Column("score_count", Kind.COUNT, "events with a `score`"),
        Column("score_sum", Kind.NUMBER, "Σ `score`"),
        Column("attempt_count", Kind.COUNT, "Complete progressions with an `attempt_num`"),
        Column("attempt_sum", Kind.NUMBER, "Σ `attempt_num` of Complete progressions"),
        *_SALES,
        Column("refunds", Kind.COUNT, "purchases with an amount below 0"),
        Column("unpriced", Kind.COUNT, "purchases and refunds without a rate, which `revenue_usd` leaves out"),
        Column("ad_revenue_usd", Kind.MONEY_SUM, "Σ `ad_revenue_usd`"),
        *(Column(name, Kind.COUNT, f"events with the `ad_action` `{action}`") for name, action in AD_COUNTS.items()),
    ),
    key="event_day_no",
)

VALUE_COUNTS = Table(
    "value_counts",
    "How often which number was there: the numbers of a game's events of one kind, per local day. A number can "
    "have several rows, for those of a day are added up only once they are many.",
    (
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("field", Kind.TEXT, f"the kind: {', '.join(f'`{sampled.field}`' for sampled in DISTRIBUTIONS)}"),
        Column("bin", Kind.GAME, "the number's bin in `value_bins`"),
        Column("value", Kind.NUMBER, "the number; of a table in health events the place of an entry, from 0"),
        Column("samples", Kind.COUNT, "events with it; of a table in health events the sum of its entries"),
    ),
)

VALUE_BINS = Table(
    "value_bins",
    "The numbers of `value_counts`, counted in bins of nearly equal ones.",
    (
        Column("value_bin_no", Kind.ID, "game, field, day and bin in one number: the key"),
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column("field", Kind.TEXT, "as in `value_counts`"),
        Column("bin", Kind.GAME, "numbers with the same sign, exponent and first six digits of the fraction; in order"),
        Column("samples", Kind.COUNT, "Σ `samples`"),
        Column("value_sum", Kind.NUMBER, "Σ `value` · `samples`"),
    ),
    key="value_bin_no",
)

FIELD_VALUES = Table(
    "field_values",
    "One row per game, local day, field and value that an event of the day had: what limits of cardinality count.",
    (
        _GAME,
        Column("day", Kind.DAY, "local day"),
        Column(
            "field",
            Kind.TEXT,
            "a column of events, or the name of a part of their ids: `progression_01` to `_03`, "
            "`business_item_type`, `business_item_id`, `resource_currency`, `resource_item_type`, "
            "`resource_item_id`, `design_event_id`",
        ),
        Column("value", Kind.TEXT, "the value"),
        Column("row_no", Kind.ID, "row of the day's first arrived event with it; among a field's they rank by it"),
    ),
)

PLAYER_EVENT_TOTALS = Table(
    "player_event_totals",
    "One row per player and event name, of Satori's events: what computed properties are made of.",
    (
        Column("player_event_no", Kind.ID, "`player_no` and `event_no` in one number: the key"),
        _PLAYER_NO,
        Column("event_no", Kind.ID, "number of the event's name in `event_names`"),
        Column("events", Kind.COUNT, "events"),
        Column("first_seen", Kind.TIME, "earliest"),
        Column("last_seen", Kind.TIME, "latest"),
        Column("value_count", Kind.COUNT, "events with a `value`"),
        Column("value_sum", Kind.NUMBER, "Σ `value`"),
        Column("value_min", Kind.NUMBER, "least `value`"),
        Column("value_max", Kind.NUMBER, "greatest `value`"),
        Column("batch_no", Kind.ID, "number of the load transaction that changed it last"),
    ),
    key="player_event_no",
)

SESSIONLESS_EVENTS = Table(
    "sessionless_events",
    "Satori's events of a player that came without a session: what matching looks at again when sessions change.",
    (
        Column("row_no", Kind.ID, "the event's row"),
        _PLAYER_NO,
        Column("event_time", Kind.TIME, "the event's time"),
        Column("session_no", Kind.ID, "the session found for it; null for none"),
    ),
)

REJECTED_EVENTS = Table(
    "rejected_events",
    "Dropped events and rejected requests, with the reason. Kept for a while and up to a number per game.",
    (
        Column("rejected_no", Kind.ID, "number of the row in order of loading"),
        Column("game_id", Kind.GAME, "the game's number; 0 where the request names none that is known"),
        Column("received_at", Kind.TIME, "when the collector received it"),
        Column("source", Kind.TEXT, "which door it came in by"),
        Column("api_key_name", Kind.TEXT, "name of the API key it was sent with"),
        Column("is_whole_request", Kind.FLAG, "a request that could not be taken at all; else one event of a batch"),
        Column("reason", Kind.TEXT, "the reason's name, as in the answer, the counters and the documentation"),
        Column("detail", Kind.TEXT, "what is wrong, in plain words"),
        Column("errors", Kind.TEXT, "JSON list of {error_type, path}; null where a field is not to blame"),
        Column("raw", Kind.TEXT, "as sent, cut to a bound"),
        Column("player_id", Kind.TEXT, "the player's id where it could be read"),
    ),
)

INGEST_HOURS = Table(
    "ingest_hours",
    "What arrived, per game and hour of `received_at`: received = stored + rejected + duplicates.",
    (
        Column("ingest_hour_no", Kind.ID, "`game_id` and `hour` in one number: the key"),
        _GAME,
        Column("hour", Kind.TIME, "start of the hour"),
        Column("received", Kind.COUNT, "events received"),
        Column("stored", Kind.COUNT, "events stored"),
        Column("rejected", Kind.COUNT, "events dropped with a reason"),
        Column("duplicates", Kind.COUNT, "events dropped because they were stored before"),
        Column("rejected_requests", Kind.COUNT, "requests rejected as a whole; their events are not counted above"),
    ),
    key="ingest_hour_no",
)

ERASURES = Table(
    "erasures",
    "Players that were erased. Only a hash of the player's id is kept, so that what arrives late is dropped too.",
    (
        _GAME,
        Column("player_hash", Kind.UUID, "128-bit hash of the player's id"),
        Column("player_no", Kind.ID, "the player's number, if it had one"),
        Column("erased_at", Kind.TIME, "everything received until then is gone"),
        Column("is_done", Kind.FLAG, "it has been carried out"),
    ),
)

POSITIONS = Table(
    "positions",
    "How far each writer's journal has been loaded. Written in the same transaction as the rows.",
    (
        Column("writer", Kind.GAME, "the collector process"),
        Column("segment", Kind.ID, "the segment"),
        Column("byte_offset", Kind.ID, "where the next record starts"),
    ),
)

RESEND_KEYS = Table(
    "resend_keys",
    "Events without an id of requests that were partly dropped: if the same request comes again within a day, they are "
    "not stored twice. Kept for two days.",
    (
        Column("row_no", Kind.ID, "the event's row"),
        _GAME,
        Column("resend_key", Kind.TEXT, "hash of the request's body, and the event's place in it"),
        Column("received_s", Kind.INTEGER, "when it was received, seconds since 1970"),
    ),
)

GAME_ZONES = Table(
    "game_zones",
    "The time zone that the local days of a game's rows are of. A game without a row has UTC.",
    (
        _GAME,
        Column("time_zone", Kind.TEXT, "the zone's IANA name"),
    ),
)

COUNTERS = Table(
    "counters",
    "One row: the last number given out of each kind.",
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
    "The steps of a migration that are still to do; none while the store is open.",
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
    PLAYER_DAYS,
    PLAYER_DAY_VALUES,
    PURCHASES,
    EVENT_NAMES,
    EVENT_DAYS,
    VALUE_COUNTS,
    VALUE_BINS,
    FIELD_VALUES,
    PLAYER_EVENT_TOTALS,
    SESSIONLESS_EVENTS,
    REJECTED_EVENTS,
    INGEST_HOURS,
    ERASURES,
    POSITIONS,
    RESEND_KEYS,
    GAME_ZONES,
    COUNTERS,
    STORE,
    UNFINISHED,
    SCHEMA_VERSION,
)
