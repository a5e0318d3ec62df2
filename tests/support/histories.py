"""Random histories of players, to load in pieces."""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import DAY, MINUTE, NOON, SECOND, batch, new_id

HEALTH = (
    None,
    '{"fps_data_table":[1',
    "{}",
    '{"fps_data_table":[0,2,0,1,1],"memory_sys_data_table":[1],"memory_app_data_table":[0,0,3]}',
    '{"fps_data_table":[3,null,-1,1.5,2.0,"1",true,2e10],"memory_sys_data_table":"none"}',
    '{"fps_data_table":[' + "0," * 120 + "1,7]}",
)
"""Attributes of health events: tables of samples, and what is none."""

ADDED_UP = "SELECT * REPLACE (sum(samples)::BIGINT AS samples) FROM value_counts GROUP BY ALL"
"""SQL: the rows of `value_counts`, of which a number has one for each batch that brought it, one a number."""

BOOTS = (
    None,
    "no JSON",
    '{"app_boot_time":250}',
    '{"app_boot_time":1250}',
    '{"app_boot_time":"nan"}',
    '{"app_boot_time":[1]}',
)
"""Attributes of `sdk_init` events."""


def history(seed: int, count: int) -> list[dict[str, Any]]:
    """Events of two games and few players: late, repeated, over midnight, with and without sessions.

    One player and one session are never of a platform, and game servers know of no country.
    """
    pick = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for place in range(count):
        game = pick.choice([1, 2])
        player = f"player-{pick.randrange(5)}"
        session = pick.randrange(6)
        time = NOON + pick.choice([0, 0, 1, 2, 2, 5, 9]) * DAY + pick.randrange(14 * 60) * MINUTE + place * SECOND
        source = pick.choice(["gameanalytics", "satori_client", "satori_server"])
        row: dict[str, Any] = {
            "game_id": game,
            "source": source,
            "client_event_id": new_id(),
            "received_at": NOON + 10 * DAY + place * SECOND,
            "event_time": time,
            "offset": place,
            "player_id": player,
            "session_id": f"session-{session}",
            "platform": pick.choice(["ios", "android", None]),
            "country": pick.choice(["DE", "FR", None]),
            "build": pick.choice(["1.0", "1.1"]),
            "device": pick.choice([None, "", *"abcdefgh"]),
            "custom_01": pick.choice([None, None, "mage", "thief"]),
        }
        if player == "player-4" or session == 5:
            row |= {"platform": None}
        if source == "satori_server":
            row |= {"platform": None, "country": None}
        if source == "gameanalytics":
            row |= pick.choice(
                [
                    {"category": "design", "event_id": "a:b", "value": pick.choice([-50, -2.5, 0, -0.0, 1, 300, 301])},
                    {
                        "category": "progression",
                        "event_id": pick.choice(["Start:world", "Fail:world:1:a"]),
                        "attempt_num": 1,
                        "score": 2.5,
                    },
                    {"category": "progression", "event_id": "Complete:world:level", "attempt_num": 3, "score": 7},
                    {"category": "resource", "event_id": pick.choice(["Sink:gem:hat:red", "Source:coin:hat:blue"])},
                    {"category": "session_end", "length_s": pick.randrange(5000)},
                    {"category": "business", "event_id": "x:y", "amount": 99, "amount_usd": "0.990000"}
                    | {
                        "receipt_state": pick.choice(["valid", "invalid", "unchecked"]),
                        "cart_type": pick.choice(["end", None]),
                    },
                    {"category": "impression", "ad_revenue_usd": "0.010000"},
                    {"category": "error"},
                    {
                        "category": "ads",
                        "ad_action": pick.choice(["show", "failed_show", "clicked", "reward_received", "request"]),
                    },
                    {"category": "health", "attributes": pick.choice(HEALTH)},
                    {"category": "sdk_init", "attributes": pick.choice(BOOTS)},
                ]
            )
        else:
            row |= {"category": "custom", "event_id": pick.choice(["jump", "purchaseCompleted"]), "value": 250.0}
            row |= {"session_issued_at": time - pick.choice([5 * MINUTE, DAY])} if pick.random() < 0.2 else {}
            if row["event_id"] == "purchaseCompleted":
                row |= {"amount": 250, "amount_usd": "2.500000", "receipt_state": "unchecked"}
            if source == "satori_server":
                row |= pick.choice([{"session_id": None}, {"session_id": None, "player_id": None}, {}])
        rows.append(row)
        if pick.random() < 0.1:
            rows.append(rows[pick.randrange(len(rows))])
    return rows


def load_all(store: DuckDBStore, rows: list[dict[str, Any]], seed: int) -> None:
    """Load rows in batches of random sizes."""
    pick = random.Random(seed)
    start = 0
    while start < len(rows):
        end = start + pick.randrange(1, 40)
        store.load(batch(money(rows[start:end])), NOON)
        start = end


def money(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with money as the store takes it."""
    return [{name: Decimal(value) if name.endswith("_usd") else value for name, value in row.items()} for row in rows]


def loaded(directory: Path, rows: list[dict[str, Any]], seed: int) -> DuckDBStore:
    """A store with these rows."""
    store = DuckDBStore(directory)
    load_all(store, rows, seed)
    return store
