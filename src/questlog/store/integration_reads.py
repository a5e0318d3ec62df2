"""What is read of how well a game's events arrive: books by sender, rejections, currencies, clocks, ends of sessions.

As in `named_reads`, each takes how to ask a statement and returns rows as Arrow. Times are UTC microseconds; ends are
exclusive.
"""

from collections.abc import Collection

import pyarrow as pa

from questlog.store.contract import RejectedFilter
from questlog.store.named_reads import Ask

# ---------------------------------------------------------------------------------------------------- rejected events

_CONDITIONS = {
    "source": "source = $source",
    "reason": "reason = $reason",
    "error": "contains(errors, $error)",
    "sdk_version": "sdk_version IS NOT DISTINCT FROM nullif($sdk_version, '')",
    "build": "build IS NOT DISTINCT FROM nullif($build, '')",
    "since": "received_at >= make_timestamp($since)",
    "until": "received_at < make_timestamp($until)",
}
_IS_REPLAYABLE = "is_complete AND NOT is_whole_request AND writer IS NOT NULL"
_GROUPS = f"""
    SELECT source, is_whole_request, reason, errors, CASE WHEN errors IS NULL THEN detail END AS detail, sdk_version,
        build, count(*) AS events, count(*) FILTER ({_IS_REPLAYABLE}) AS replayable,
        count(DISTINCT player_id) AS players, epoch_us(min(received_at)) AS first_at,
        epoch_us(max(received_at)) AS last_at, max(rejected_no) AS example_no
    FROM rejected_events
    WHERE game_id = $game_id AND received_at >= make_timestamp($since) AND received_at < make_timestamp($until)
    GROUP BY ALL ORDER BY events DESC, example_no DESC LIMIT $most
"""
_BY_NUMBER = """
    SELECT * FROM rejected_events WHERE game_id = $game_id AND rejected_no IN (SELECT unnest($numbers))
"""
_EVENT = "SELECT * FROM events WHERE game_id = $game_id AND row_no = $row_no"
_EVENT_AT = """
    SELECT * FROM events WHERE game_id = $game_id AND writer = $writer AND segment = $segment
        AND record_offset = $offset AND record_index = $index LIMIT 1
"""
_KEPT = "SELECT count(*) AS kept FROM rejected_events WHERE game_id = $game_id"


def replayable(ask: Ask, which: RejectedFilter, after_no: int, most: int) -> pa.Table:
    """Rejected events that can be decoded again, in the order of their numbers, after a number.

    An empty `sdk_version` or `build` asks for events without one.
    """
    values = {name: getattr(which, name) for name in _CONDITIONS if getattr(which, name) is not None}
    conditions = ["game_id = $game_id", _IS_REPLAYABLE, "rejected_no > $after_no", *(_CONDITIONS[n] for n in values)]
    statement = f"SELECT * FROM rejected_events WHERE {' AND '.join(conditions)} ORDER BY rejected_no LIMIT $most"
    return ask(statement, {"game_id": which.game_id, "after_no": after_no, "most": most, **values})


def rejection_groups(ask: Ask, game_id: int, since: int, until: int, most: int) -> pa.Table:
    """Rejected events and requests by what was wrong and who sent them, the most frequent first.

    `errors` is the JSON of all errors of the events; `example_no` the newest row. `detail` is there without errors.
    """
    return ask(_GROUPS, {"game_id": game_id, "since": since, "until": until, "most": most})


def rejected_rows(ask: Ask, game_id: int, numbers: Collection[int]) -> pa.Table:
    """Rejected rows by number, those that are there."""
    return ask(_BY_NUMBER, {"game_id": game_id, "numbers": list(numbers)})


def event_row(ask: Ask, game_id: int, row_no: int) -> pa.Table:
    """The stored event with this number, if the game has it."""
    return ask(_EVENT, {"game_id": game_id, "row_no": row_no})


def event_at(ask: Ask, game_id: int, writer: int, segment: int, offset: int, index: int) -> pa.Table:
    """The stored event from this place of the journal, if the game has it."""
    place = {"writer": writer, "segment": segment, "offset": offset, "index": index}
    return ask(_EVENT_AT, {"game_id": game_id, **place})


def rejected_kept(ask: Ask, game_id: int) -> int:
    """How many rejected rows of a game are kept."""
    found: int = ask(_KEPT, {"game_id": game_id})["kept"][0].as_py()
    return found


# ------------------------------------------------------------------------------------------------------------- books

_BOOKS = """
    SELECT source, sdk_version, build, sum(received)::BIGINT AS received, sum(stored)::BIGINT AS stored,
        sum(rejected)::BIGINT AS rejected, sum(duplicates)::BIGINT AS duplicates,
        sum(rejected_requests)::BIGINT AS rejected_requests
    FROM ingest_hours
    WHERE game_id = $game_id AND hour >= date_trunc('hour', make_timestamp($since)) AND hour < make_timestamp($until)
    GROUP BY ALL ORDER BY received DESC, rejected_requests DESC LIMIT $most
"""


def ingest_books(ask: Ask, game_id: int, since: int, until: int, most: int) -> pa.Table:
    """Counts of what arrived by source, SDK and build, the most first."""
    return ask(_BOOKS, {"game_id": game_id, "since": since, "until": until, "most": most})


# -------------------------------------------------------------------------------------------------- what to look into

_CURRENCIES = """
    SELECT currency, count(*) AS purchases, min(day) AS first_day, max(day) AS last_day,
        arg_max(event_id, event_time) AS event_id, arg_max(build, event_time) AS build
    FROM purchases
    WHERE game_id = $game_id AND amount_usd IS NULL AND event_time >= make_timestamp($since)
        AND event_time < make_timestamp($until)
    GROUP BY currency ORDER BY purchases DESC, currency LIMIT $most
"""
_CLOCKS = """
    SELECT source, sdk_version, build, count(*) AS events,
        count(*) FILTER (client_time IS NULL) AS without_time,
        count(*) FILTER (client_time > received_at + INTERVAL 10 MINUTE) AS ahead,
        count(*) FILTER (client_time < event_time) AS too_early,
        count(*) FILTER (event_time < received_at - INTERVAL 1 DAY) AS late,
        count(DISTINCT player_no) FILTER (client_time > received_at + INTERVAL 10 MINUTE OR client_time < event_time)
            AS players_with_wrong_clock,
        count(*) FILTER (contains(attributes, '"invalid":')) AS warned
    FROM events
    WHERE game_id = $game_id AND received_at >= make_timestamp($since) AND received_at < make_timestamp($until)
    GROUP BY ALL ORDER BY events DESC LIMIT $most
"""
_ENDS = """
    SELECT source, sdk_version, build, count(*) AS sessions, count(*) FILTER (ended_length_s IS NULL) AS without_end
    FROM sessions
    WHERE game_id = $game_id AND source = 'gameanalytics' AND start_time >= make_timestamp($since)
        AND end_time < make_timestamp($until)
    GROUP BY ALL ORDER BY sessions DESC LIMIT $most
"""


def unknown_currencies(ask: Ask, game_id: int, since: int, until: int, most: int) -> pa.Table:
    """Purchases without a value in US dollars, by currency, with the newest one's event id and build."""
    return ask(_CURRENCIES, {"game_id": game_id, "since": since, "until": until, "most": most})


def sender_clocks(ask: Ask, game_id: int, since: int, until: int, most: int) -> pa.Table:
    """Stored events by sender, and how many had no time, one ahead, one before any game, one a day old or more.

    `warned` have annotations that break their rule.
    """
    return ask(_CLOCKS, {"game_id": game_id, "since": since, "until": until, "most": most})


def session_ends(ask: Ask, game_id: int, since: int, until: int, most: int) -> pa.Table:
    """Sessions of GameAnalytics that began and had their last event in a time, and how many without a `session_end`."""
    return ask(_ENDS, {"game_id": game_id, "since": since, "until": until, "most": most})
