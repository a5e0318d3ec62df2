"""Write a seeded history of one game as Parquet, with retention known in closed form.

python -m tests.bench.queries.history FOLDER [--events 10000000] [--seed 1]

Players install evenly over 60 days, one for 50 events. A player is active on the install day, and on the day `a` days
later with probability 0.45 * a**-0.6, independently; nothing else. So D1 retention is 45 %, D7 14.0 %, D30 5.85 %, and
the expected DAU of day d (from 0) is players / days * (1 + sum of 0.45 * a**-0.6 for a = 1..d). The file is read back
and compared with that.

A player-day is one session: `user`, other events, `session_end`, within an hour and one UTC day. In a fifth of them the
player's platform, build, both or the country is another one from some event on, so that it matters that every event
counts under its own values (metrics.md §4). Progression is a player's own walk through the levels (Start, then Fail or
Complete; a Complete opens the next level). `value` (design) is in quarters and `amount` (business: cents; resource:
sinks negative) is whole, so sums are exact in any order.

More than ten million events are copies of ten million, each with players and sessions of its own, day by day: every
answer that counts is that many times as large.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

FIRST_DAY_US = 1_735_689_600_000_000  # 2025-01-01 UTC
DAY_US = 86_400_000_000
SESSION_US = 3_600_000_000
EVENTS_PER_PLAYER = 50
DAYS = 60
MOST_AT_ONCE = 10_000_000
"""Events that fit into 4.4 GB of memory while they are made."""
COMPLETE_SHARE = 0.6
LEVELS = 50
STATUSES = ["Start", "Fail", "Complete"]
PRICES = [99, 499, 999]
CHANGES = {"platform": 0.06, "build": 0.06, "platform and build": 0.06, "country": 0.02}
"""What changes within a day, and in which share of the player-days."""
DESIGN_TREE = {
    "Combat": ["Kill", "Hit", "Death", "Block", "Flee"],
    "World": ["Enter", "Open", "Find", "Teleport", "Rest"],
    "Interface": ["Open", "Close", "Tap", "Scroll", "Back"],
    "Social": ["Invite", "Gift", "Chat", "Join", "Leave"],
}
DESIGN_ITEMS = 20
PLATFORMS, PLATFORM_SHARES = ["android", "ios", "windows"], [0.6, 0.3, 0.1]
COUNTRIES = [
    *("US", "CN", "JP", "DE", "GB", "FR", "BR", "IN", "KR", "RU", "CA", "MX", "ID", "TR", "IT"),
    *("ES", "PL", "TH", "VN", "PH", "NL", "SE", "AU", "AR", "CO", "SA", "ZA", "EG", "UA", "RO"),
]

# (category, its event ids, its share of the events between `user` and `session_end`)
CATALOGUE: list[tuple[str, list[str | None], float]] = [
    ("user", [None], 0),
    ("session_end", [None], 0),
    ("business", [f"GemPack:gems_{n}" for n in (100, 500, 1000)], 2),
    ("resource", [f"{flow}:gold:boost:item{n:02d}" for n in range(1, 21) for flow in ("Sink", "Source")], 23),
    (
        "progression",
        [f"{status}:world{n // 10 + 1:02d}:level{n % 10 + 1:02d}" for status in STATUSES for n in range(LEVELS)],
        25,
    ),
    (
        "design",
        [f"{a}:{b}:item{n:02d}" for a, actions in DESIGN_TREE.items() for b in actions for n in range(DESIGN_ITEMS)],
        38,
    ),
    ("error", [None], 2),
]
CATEGORY = {name: code for code, (name, _, _) in enumerate(CATALOGUE)}
FIRST_ID = np.cumsum([0] + [len(ids) for _, ids, _ in CATALOGUE])  # code of a category's first event id


@dataclass
class PlayerDays:
    """One entry for each day a player was active, ordered by player, then day."""

    player: Ints
    day: Ints


def main() -> None:
    """Write the history; exits with 1 when it is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    once = min(options.events, MOST_AT_ONCE)
    base = options.folder / "history.parquet"
    _make(base, once, options.seed)
    if options.events > once:
        _copy(base, options.events // once)
        base.unlink()


def files_in(folder: Path) -> list[Path]:
    """The history's files, in order of time."""
    return sorted(folder.glob("*.parquet"))


def _make(file: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    players = max(1, count // EVENTS_PER_PLAYER)
    player_days = active_days(rng, players, DAYS)
    columns = events(rng, player_days, count)
    columns |= changes(np.random.default_rng((seed, 1)), columns["player_day"], len(player_days.day))
    write(file, rng, columns, player_days, players)
    check(file, players, DAYS)


def _copy(base: Path, copies: int) -> None:
    """Each day to a file of its own, so many times. The first two digits of ids are the copy's number."""
    with duckdb.connect() as connection:
        for day in range(DAYS):
            connection.execute(
                """
                COPY (
                    SELECT * REPLACE (lpad(n::VARCHAR, 2, '0') || player_id[3:] AS player_id,
                                      lpad(n::VARCHAR, 2, '0') || session_id[3:] AS session_id)
                    FROM read_parquet($base), range($copies::BIGINT) AS copies(n)
                    WHERE event_time >= make_timestamp($start) AND event_time < make_timestamp($start + $day_us)
                    ORDER BY event_time, player_id
                ) TO $file (FORMAT parquet, COMPRESSION zstd)
                """,
                {
                    "base": str(base),
                    "copies": copies,
                    "start": FIRST_DAY_US + day * DAY_US,
                    "day_us": DAY_US,
                    "file": str(base.parent / f"day{day:02d}.parquet"),
                },
            )


def return_probability(age: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probability to be active `age` >= 0 days after the install."""
    return np.where(age == 0, 1.0, 0.45 * np.maximum(age, 1) ** -0.6)


def active_days(rng: np.random.Generator, players: int, days: int) -> PlayerDays:
    install = rng.integers(0, days, players)
    active = [
        np.nonzero((install <= d) & (rng.random(players) < return_probability(np.abs(d - install))))[0]
        for d in range(days)
    ]
    player = np.concatenate(active)
    day = np.repeat(np.arange(days), [len(a) for a in active])
    order = np.lexsort((day, player))
    return PlayerDays(player[order], day[order])


def events(rng: np.random.Generator, player_days: PlayerDays, count: int) -> dict[str, NDArray[np.generic]]:
    """The columns that differ from event to event, ordered by time."""
    sizes = session_sizes(rng, len(player_days.day), count)
    player_day = np.repeat(np.arange(len(sizes)), sizes)
    player = player_days.player[player_day]
    offset = np.sort(player_day * SESSION_US + rng.integers(0, SESSION_US, count)) % SESSION_US
    start = player_days.day * DAY_US + rng.integers(0, DAY_US - SESSION_US, len(sizes))
    time_us = FIRST_DAY_US + start[player_day] + offset

    last = np.cumsum(sizes) - 1
    shares = np.array([share for _, _, share in CATALOGUE])
    category = rng.choice(len(CATALOGUE), count, p=shares / shares.sum())
    category[last - sizes + 1] = CATEGORY["user"]
    category[last] = CATEGORY["session_end"]

    event_id = FIRST_ID[category]
    number = np.zeros(count, np.int64)
    for name in ("business", "resource", "design"):
        rows = np.nonzero(category == CATEGORY[name])[0]
        choice = skewed_choice(rng, len(CATALOGUE[CATEGORY[name]][1]), len(rows))
        event_id[rows] += choice
        number[rows] = numbers(rng, name, choice)
    rows = np.nonzero(category == CATEGORY["progression"])[0]
    event_id[rows] += walk_through_levels(rng, player[rows])

    order = np.argsort(time_us, kind="stable")
    columns = {"time_us": time_us, "player": player, "player_day": player_day, "event": event_id, "number": number}
    return {name: column[order] for name, column in columns.items()}


def changes(
    rng: np.random.Generator, player_day: NDArray[np.generic], player_days: int
) -> dict[str, NDArray[np.generic]]:
    """Of each event, in order of time: what was changed before it that day, as its place in `CHANGES` from 1; or 0."""
    kind = rng.choice(len(CHANGES) + 1, player_days, p=[1 - sum(CHANGES.values()), *CHANGES.values()])
    order = np.argsort(player_day, kind="stable")
    ordered = player_day[order]
    place = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    size = np.bincount(ordered, minlength=player_days)
    first_changed = 1 + (rng.random(player_days) * (size - 1)).astype(np.int64)  # never the first event
    changed = np.zeros(len(order), np.int64)
    changed[order] = np.where(place >= first_changed[ordered], kind[ordered], 0)
    return {"changed": changed}


def session_sizes(rng: np.random.Generator, sessions: int, count: int) -> Ints:
    """At least two events each, `count` in all, with a log-normal spread."""
    weights = np.cumsum(rng.lognormal(0, 0.8, sessions))
    more: Ints = np.diff(np.floor(weights / weights[-1] * (count - 2 * sessions)).astype(np.int64), prepend=0)
    return 2 + more


def skewed_choice(rng: np.random.Generator, choices: int, count: int) -> Ints:
    """Codes 0..choices-1, the n-th with weight 1/n."""
    weights = np.cumsum(1 / np.arange(1, choices + 1))
    chosen: Ints = np.searchsorted(weights, rng.random(count) * weights[-1])
    return chosen


def numbers(rng: np.random.Generator, category: str, choice: Ints) -> Ints:
    """Design: the value in quarters. Business: cents. Resource: the amount; even choices are sinks."""
    if category == "design":
        return rng.integers(0, 401, len(choice))
    if category == "business":
        prices: Ints = np.array(PRICES)[choice]
        return prices
    amounts: Ints = rng.integers(1, 101, len(choice)) * np.where(choice % 2 == 0, -1, 1)
    return amounts


def walk_through_levels(rng: np.random.Generator, player: Ints) -> Ints:
    """Event-id codes within the category for events ordered by player and time."""
    first = np.searchsorted(player, player)  # each event's player's first event
    is_outcome = (np.arange(len(player)) - first) % 2 == 1
    is_complete = is_outcome & (rng.random(len(player)) < COMPLETE_SHARE)
    before = np.cumsum(is_complete) - is_complete
    level = np.minimum(before - before[first], LEVELS - 1)
    status = np.where(is_complete, STATUSES.index("Complete"), np.where(is_outcome, STATUSES.index("Fail"), 0))
    codes: Ints = status * LEVELS + level
    return codes


def write(
    file: Path, rng: np.random.Generator, columns: dict[str, NDArray[np.generic]], player_days: PlayerDays, players: int
) -> None:
    connection = duckdb.connect()
    connection.register("event_columns", columns)
    connection.register(
        "event_names",
        {
            "event": np.arange(FIRST_ID[-1]),
            "category": objects(name for name, ids, _ in CATALOGUE for _ in ids),
            "event_id": objects(event_id or "" for _, ids, _ in CATALOGUE for event_id in ids),
        },
    )
    connection.register(
        "players",
        {
            "player": np.arange(players),
            "player_id": uuids(rng, players),
            "country_no": skewed_choice(rng, len(COUNTRIES), players),
            "platform_no": rng.choice(len(PLATFORMS), players, p=PLATFORM_SHARES),
        },
    )
    connection.register(
        "player_days",
        {
            "player_day": np.arange(len(player_days.day)),
            "session_id": uuids(rng, len(player_days.day)),
            "week": player_days.day // 7,
        },
    )
    connection.execute(
        """
        COPY (
            SELECT 1::INTEGER AS game_id, make_timestamp(time_us) AS event_time,
                   category, nullif(event_id, '') AS event_id, player_id, session_id,
                   CASE WHEN category = 'design' THEN number / 4.0 END::DOUBLE AS value,
                   CASE WHEN category IN ('business', 'resource') THEN number END::BIGINT AS amount,
                   CASE WHEN category = 'business' THEN 'USD' END AS currency,
                   $countries[1 + (country_no + (changed = 4)::BIGINT) % len($countries)] AS country,
                   $platforms[1 + (platform_no + (changed IN (1, 3))::BIGINT) % len($platforms)] AS platform,
                   '1.' || (week + (changed IN (2, 3))::BIGINT) AS build,
                   CASE WHEN category = 'design'
                       THEN '{"mode":"' || ['easy', 'normal', 'hard'][1 + number % 3] || '"}' END AS attributes
            FROM event_columns
            JOIN event_names USING (event) JOIN players USING (player) JOIN player_days USING (player_day)
            ORDER BY time_us, player_id
        ) TO $file (FORMAT parquet, COMPRESSION zstd)
        """,
        {"file": str(file), "countries": COUNTRIES, "platforms": PLATFORMS},
    )


def objects(texts: Iterable[str]) -> NDArray[np.object_]:
    return np.array(list(texts), dtype=object)


def uuids(rng: np.random.Generator, count: int) -> NDArray[np.object_]:
    digits = rng.bytes(16 * count).hex()
    parts = (digits[i : i + 32] for i in range(0, 32 * count, 32))
    return objects(f"{p[:8]}-{p[8:12]}-{p[12:16]}-{p[16:20]}-{p[20:]}" for p in parts)


def check(file: Path, players: int, days: int) -> None:
    """Compare the file's retention and DAU with the closed form; exit with 1 when they are not the same by chance."""
    active, cohorts = retention_in(file, days)
    print("                closed form   in the file   standard errors apart")
    worst = 0.0
    for age in (age for age in (1, 3, 7, 14, 30, 60, 90) if age < days):
        at_risk, share = cohorts[: days - age].sum(), return_probability(np.array(age)).item()
        measured = active[: days - age, age].sum() / at_risk
        apart = (measured - share) / (share * (1 - share) / at_risk) ** 0.5
        worst = max(worst, abs(apart))
        print(f"D{age:<3d} retention {share:12.2%} {measured:13.2%} {apart:10.1f}")
    expected = players / days * return_probability(np.arange(days)).sum()
    measured = sum(active[days - 1 - age, age] for age in range(days))
    apart = (measured - expected) / expected**0.5
    print(f"DAU, last day {expected:13.0f} {measured:13d} {apart:10.1f}")
    if max(worst, abs(apart)) > 5:
        sys.exit("the history does not follow the closed form")


def retention_in(file: Path, days: int) -> tuple[Ints, Ints]:
    """Players by first day and age, and by first day."""
    rows = duckdb.execute(
        """
        WITH active AS (
                 SELECT DISTINCT player_id, epoch_us(event_time) // $day - $first AS day FROM read_parquet($file)),
             born AS (SELECT player_id, min(day) AS first_day FROM active GROUP BY player_id)
        SELECT first_day, day - first_day, count(*) FROM active JOIN born USING (player_id) GROUP BY ALL
        """,
        {"file": str(file), "day": DAY_US, "first": FIRST_DAY_US // DAY_US},
    ).fetchall()
    active = np.zeros((days, days), np.int64)
    for first_day, age, count in rows:
        active[first_day, age] = count
    return active, active[:, 0]


if __name__ == "__main__":
    main()
