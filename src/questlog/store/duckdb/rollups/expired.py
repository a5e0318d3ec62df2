"""What expired events and sessions add to players and their totals: a rebuild cannot find it in the events any more."""

from questlog.store.duckdb.days import StoredDays
from questlog.store.duckdb.facts import qualified
from questlog.store.schema import DIMENSIONS, EXPIRED_PLAYERS, EXPIRED_TOTALS

_FIRST = ("source", *DIMENSIONS)
_TOTALS = ", ".join(column.name for column in EXPIRED_TOTALS.columns if column.name != "game_id")
PLAYER_COLUMNS = tuple(column.name for column in EXPIRED_PLAYERS.columns)


def player_facts(condition: str) -> str:
    """SQL: the same columns as `players.event_facts`; no event has the row 0."""
    return f"""
    SELECT player_no, NULL::DATE AS day, game_id, player_id, events, sessions, playtime_s,
        transactions, revenue_usd, refunds, 0::DECIMAL(38,6) AS ad_revenue_usd, 0::BIGINT AS kinds,
        first_purchase, first_purchase_day, first_day, last_day, first_seen, last_seen,
        first_rank, 0::BIGINT AS first_row_no
    FROM expired_players WHERE {condition}
    """


def set_firsts(condition: str) -> str:
    """SQL: give players whose first event has expired what that event said."""
    return f"""
    UPDATE players SET {", ".join(f"{name} = expired.{name}" for name in _FIRST)}
    FROM (SELECT * FROM expired_players WHERE {condition}) AS expired
    WHERE expired.player_no = players.player_no AND expired.first_rank = players.first_rank
    """


def add_totals(condition: str) -> str:
    """SQL: add what has expired to the totals of players by event."""
    return f"""
    INSERT INTO player_event_totals SELECT {_TOTALS} FROM expired_totals WHERE {condition} {_ADDED}
    """


_TABLE = "player_event_totals"
_ADDED = f"""
    ON CONFLICT (player_event_no) DO UPDATE SET events = {_TABLE}.events + excluded.events,
        first_seen = least(first_seen, excluded.first_seen), last_seen = greatest(last_seen, excluded.last_seen),
        value_count = {_TABLE}.value_count + excluded.value_count,
        value_sum = {_TABLE}.value_sum + excluded.value_sum,
        value_min = least(value_min, excluded.value_min), value_max = greatest(value_max, excluded.value_max),
        batch_no = greatest(batch_no, excluded.batch_no)
"""


def set_days(days: StoredDays, condition: str) -> str:
    """SQL: the local days of what has expired, after a change of the zone."""
    names = {"first_day": "first_seen", "last_day": "last_seen", "first_purchase_day": "first_purchase"}
    changes = ", ".join(f"{day} = {days.of(time)}" for day, time in names.items())
    return f"UPDATE expired_players SET {changes} WHERE {condition}"


def merged_players(parts: str) -> str:
    """SQL: rows of `expired_players` added up by player, from rows with its columns."""
    sums = {
        "events": "BIGINT",
        "sessions": "BIGINT",
        "playtime_s": "DECIMAL(38,6)",
        "transactions": "BIGINT",
        "revenue_usd": "DECIMAL(38,6)",
        "refunds": "BIGINT",
    }
    least = ("first_seen", "first_purchase", "first_day", "first_purchase_day", "first_rank")
    columns = {
        "game_id": "any_value(game_id)",
        "player_id": "any_value(player_id)",
        **{name: f"sum({name})::{kind}" for name, kind in sums.items()},
        **{name: f"min({name})" for name in least},
        **{name: f"max({name})" for name in ("last_seen", "last_day")},
        **{name: f"arg_min_null({name}, first_rank)" for name in _FIRST},
    }
    shown = ", ".join(name if name == "player_no" else f"{columns[name]} AS {name}" for name in PLAYER_COLUMNS)
    return f"SELECT {shown} FROM ({parts}) GROUP BY player_no"


def event_part(facts: str, events: str) -> str:
    """SQL: rows with the columns of `expired_players` from added-up facts of players and their events."""
    of_facts = ", ".join(f"facts.{name}" for name in PLAYER_COLUMNS if name not in _FIRST)
    return f"""
    SELECT {of_facts}, {qualified("first", _FIRST)}
    FROM ({facts}) AS facts LEFT JOIN {events} AS first ON first.row_no = facts.first_row_no
    """


def session_part(rows: str) -> str:
    """SQL: the same from rows of player_no, game_id, player_id, sessions and playtime_s."""
    given = {"player_no", "game_id", "player_id", "sessions", "playtime_s"}
    zero = {"events", "transactions", "revenue_usd", "refunds"}
    shown = (name if name in given else f"{0 if name in zero else 'NULL'} AS {name}" for name in PLAYER_COLUMNS)
    return f"SELECT {', '.join(shown)} FROM ({rows})"
