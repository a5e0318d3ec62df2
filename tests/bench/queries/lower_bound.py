"""How fast the questions can be answered at all: one thread of numpy over coded columns in memory.

Loading (texts to small integers) is not timed. "kept" starts from one bit map of players for each day, as a rollup
would keep it; the others start from the events.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from tests.bench.queries.answers import BUILDS, FUNNEL_STEPS, FUNNEL_WINDOW_US, LAST_30_DAYS, PLATFORM, Rows

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MONTH = 30


@dataclass
class Events:
    """One entry an event, ordered by time, equal times in the order of the funnel's steps.

    All are codes but `time_us` (since the first day), `value` and `amount`; `day` counts from the first day.
    """

    player: npt.NDArray[np.uint32]
    session: npt.NDArray[np.uint32]
    event: npt.NDArray[np.uint16]
    mode: npt.NDArray[np.uint8]
    day: npt.NDArray[np.uint16]
    time_us: Ints
    value: npt.NDArray[np.float32]
    amount: npt.NDArray[np.int32]
    days: list[str]
    names: list[tuple[str, str]]  # category and event id of each code of `event`
    country: npt.NDArray[np.uint8]
    platform: npt.NDArray[np.uint8]
    build: npt.NDArray[np.uint8]
    countries: list[str]
    platforms: list[str]
    builds: list[str]
    players: int

    def is_of(self, category: str) -> Bools:
        """Of each code of `event`: whether it is of the category."""
        return np.array([each == category for each, _ in self.names])


_CODES = """
    CREATE TABLE players AS SELECT *, row_number() OVER () - 1 AS player FROM (
        SELECT DISTINCT player_id FROM history);
    CREATE TABLE sessions AS SELECT *, row_number() OVER () - 1 AS session FROM (
        SELECT DISTINCT session_id FROM history);
    CREATE TABLE names AS SELECT *, row_number() OVER () - 1 AS name FROM (
        SELECT DISTINCT category, event_id FROM history);
"""
_MODES = ["", "easy", "hard", "normal"]


def load(files: Sequence[Path]) -> Events:
    """The history in codes."""
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        history = connection.read_parquet([str(file) for file in files])
        history.create_view("sent")
        connection.execute("CREATE VIEW history AS SELECT * REPLACE (coalesce(event_id, '') AS event_id) FROM sent")
        connection.execute(_CODES)
        days = connection.execute("SELECT min(event_time)::DATE, max(event_time)::DATE FROM history").fetchall()
        [(first, last)] = days
        countries, platforms, builds = (_values(connection, each) for each in ("country", "platform", "build"))
        columns = connection.execute(
            """
            SELECT player::UINTEGER AS player, session::UINTEGER AS session, name::USMALLINT AS event,
                   coalesce(list_position($modes, attributes->>'mode') - 1, 0)::UTINYINT AS mode,
                   (event_time::DATE - $first)::USMALLINT AS day,
                   epoch_us(event_time) - epoch_us($first::TIMESTAMP) AS time_us,
                   coalesce(value, 0)::FLOAT AS value, coalesce(amount, 0)::INTEGER AS amount,
                   (list_position($countries, country) - 1)::UTINYINT AS country,
                   (list_position($platforms, platform) - 1)::UTINYINT AS platform,
                   (list_position($builds, build) - 1)::UTINYINT AS build
            FROM history JOIN players USING (player_id) JOIN sessions USING (session_id)
                JOIN names USING (category, event_id)
            ORDER BY event_time, coalesce(list_position($steps, event_id), 0)
            """,
            {
                "first": first,
                "steps": FUNNEL_STEPS,
                "modes": _MODES,
                "countries": countries,
                "platforms": platforms,
                "builds": builds,
            },
        ).fetchnumpy()
        names = connection.execute("SELECT category, event_id FROM names ORDER BY name").fetchall()
        [(players,)] = connection.execute("SELECT count(*) FROM players").fetchall()
    return Events(
        **{name: np.asarray(column) for name, column in columns.items()},
        days=[str(day) for day in np.arange(first, np.datetime64(last) + 1, dtype="datetime64[D]")],
        names=names,
        countries=countries,
        platforms=platforms,
        builds=builds,
        players=players,
    )


def _values(connection: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    return [value for (value,) in connection.execute(f"SELECT DISTINCT {column} FROM history ORDER BY ALL").fetchall()]  # noqa: S608


class LowerBound:
    """The least time, from the events."""

    name = "numpy"

    def __init__(self, events: Events) -> None:
        self._events = events
        self._tree = ExploreTree(events.names)
        recent = events.days.index(LAST_30_DAYS)
        self._questions: Mapping[str, Callable[[], Rows]] = {
            "dau": lambda: _by_day(events, dau(day_bitmaps(events))),
            "dau_by_platform": lambda: dau_by_platform(events),
            "dau_one_filter": lambda: _by_day(events, dau(day_bitmaps(events, _is_platform(events)))),
            "dau_two_filters": lambda: _by_day(
                events, dau(day_bitmaps(events, _is_platform(events) & _is_build(events)))
            ),
            "mau": lambda: _by_day(events, mau(day_bitmaps(events))),
            "revenue": lambda: _by_day(events, revenue(events).sum(axis=1)),
            "revenue_by_country": lambda: revenue_by_country(events),
            "arpdau": lambda: _by_day(events, revenue(events).sum(axis=1) / dau(day_bitmaps(events))),
            "session_length_median": lambda: _by_day(events, median_lengths(events, *sessions(events))),
            "retention": lambda: retention_rows(events, retention(day_bitmaps(events))),
            "funnel": lambda: list(enumerate(funnel(events), 1)),
            "funnel_30_days": lambda: list(enumerate(funnel(events, recent), 1)),
            "explore": lambda: self._tree.sums(events),
            "explore_players": lambda: self._tree.players(events),
            "attribute": lambda: attribute(events),
            "attribute_30_days": lambda: attribute(events, recent),
        }

    def ask(self, question: str) -> Rows:
        return self._questions[question]()


class KeptLowerBound:
    """The least time, from a bit map of players kept for each day; only the questions of distinct players by day."""

    name = "numpy, kept"

    def __init__(self, events: Events) -> None:
        active = day_bitmaps(events)
        self._questions: Mapping[str, Callable[[], Rows]] = {
            "dau": lambda: _by_day(events, dau(active)),
            "mau": lambda: _by_day(events, mau(active)),
            "retention": lambda: retention_rows(events, retention(active)),
        }
        self.questions = frozenset(self._questions)

    def ask(self, question: str) -> Rows:
        return self._questions[question]()


def _by_day(events: Events, numbers: Ints | Floats) -> Rows:
    return list(zip(events.days, numbers, strict=True))


def day_bitmaps(events: Events, is_meant: Bools | None = None) -> Bools:
    """[day, player]: was active, with an event that is meant."""
    active = np.zeros((len(events.days), events.players), np.bool_)
    place = events.day * np.uint32(events.players) + events.player
    active.reshape(-1)[place if is_meant is None else place[is_meant]] = True
    return active


def _is_platform(events: Events) -> Bools:
    found: Bools = events.platform == events.platforms.index(PLATFORM)
    return found


def _is_build(events: Events) -> Bools:
    return np.isin(events.build, [events.builds.index(build) for build in BUILDS if build in events.builds])


def dau(active: Bools) -> Ints:
    counts: Ints = np.count_nonzero(active, axis=1)
    return counts


def dau_by_platform(events: Events) -> Rows:
    active = np.zeros((len(events.days), len(events.platforms), events.players), np.bool_)
    group = events.day * np.int64(len(events.platforms)) + events.platform
    active.reshape(-1)[group * events.players + events.player] = True
    counts = np.count_nonzero(active, axis=2)
    return [
        (day, platform, counts[place, code])
        for code, platform in enumerate(events.platforms)
        for place, day in enumerate(events.days)
    ]


def mau(active: Bools) -> Ints:
    """Players of the 30 days that end on each day."""
    counts = np.zeros(len(active), np.int64)
    days_active = np.zeros(active.shape[1], np.uint8)
    for day, players in enumerate(active):
        days_active += players
        if day >= _MONTH:
            days_active -= active[day - _MONTH]
        counts[day] = np.count_nonzero(days_active)
    return counts


def revenue(events: Events) -> Floats:
    """[day, country]: dollars."""
    rows = np.nonzero(events.is_of("business")[events.event])[0]
    countries = len(events.countries)
    place = events.day[rows].astype(np.int64) * countries + events.country[rows]
    cents = np.bincount(place, events.amount[rows], len(events.days) * countries)
    return cents.reshape(len(events.days), countries) / 100


def revenue_by_country(events: Events) -> Rows:
    money = revenue(events)
    return [(events.days[day], events.countries[country], money[day, country]) for day, country in np.argwhere(money)]


def sessions(events: Events) -> tuple[Ints, Ints]:
    """Start and length of each session, microseconds: events are in order of time."""
    count = int(events.session.max()) + 1
    start, end = np.empty(count, np.int64), np.empty(count, np.int64)
    end[events.session] = events.time_us
    start[events.session[::-1]] = events.time_us[::-1]
    return start, end - start


def median_lengths(events: Events, start: Ints, length: Ints) -> Floats:
    """By day of the start, seconds."""
    day = start // 86_400_000_000
    order = np.lexsort((length, day))
    after = np.searchsorted(day[order], np.arange(len(events.days)), "right")
    before = np.concatenate([[0], after[:-1]])
    lower, upper = length[order[(before + after - 1) // 2]], length[order[(before + after) // 2]]
    return (lower + upper) / 2 / 1e6


def retention(active: Bools) -> Ints:
    """[first day, age]: players."""
    days = len(active)
    first_day = active.argmax(axis=0)
    matrix = np.zeros((days, days), np.int64)
    for day in range(days):
        by_first_day = np.bincount(first_day[active[day]], minlength=days)
        first_days = np.arange(day + 1)
        matrix[first_days, day - first_days] = by_first_day[: day + 1]
    return matrix


def retention_rows(events: Events, matrix: Ints) -> Rows:
    return [(events.days[first], age, matrix[first, age]) for first, age in np.argwhere(matrix)]


def funnel(events: Events, first_day: int = 0) -> list[int]:
    """Players by step reached: in order, others between, the window counted from step 1, the best of all attempts.

    An event continues the latest attempt that has reached the step before; a later start never converts worse.
    """
    code_of = {event_id: code for code, (_, event_id) in enumerate(events.names)}
    codes = [code_of[event_id] for event_id in FUNNEL_STEPS]
    before = np.searchsorted(events.day, first_day)
    rows = before + np.nonzero(np.logical_or.reduce([events.event[before:] == code for code in codes]))[0]
    by_player_then_time = np.sort(events.player[rows].astype(np.int64) << 32 | rows)
    player, rows = by_player_then_time >> 32, by_player_then_time & 0xFFFFFFFF
    time_us, event = events.time_us[rows], events.event[rows]

    reached = event == codes[0]
    start = np.arange(len(rows))  # row of the attempt's step 1
    counts = [_distinct(player[reached])]
    for code in codes[1:]:
        latest = np.maximum.accumulate(np.where(reached, start, -1))
        reached = (event == code) & (latest >= 0)
        reached &= (player[latest] == player) & (time_us - time_us[latest] <= FUNNEL_WINDOW_US)
        start = latest
        counts.append(_distinct(player[reached]))
    return counts


def _distinct(ordered: Ints) -> int:
    return int(np.count_nonzero(np.diff(ordered, prepend=-1)))


def attribute(events: Events, first_day: int = 0) -> Rows:
    """Design events by mode."""
    before = np.searchsorted(events.day, first_day)
    counts = np.bincount(events.mode[before:], minlength=len(_MODES))
    return [(mode, count) for mode, count in zip(_MODES, counts, strict=True) if mode]


class ExploreTree:
    """The first two levels of the design ids."""

    def __init__(self, names: list[tuple[str, str]]) -> None:
        paths = [tuple(event_id.split(":")[:2]) if category == "design" else () for category, event_id in names]
        self.parents = sorted({path[0] for path in paths if path})
        self.children = sorted({path for path in paths if path})
        self.is_design = np.array([bool(path) for path in paths])
        self.child_of_event = np.array([self.children.index(path) if path else 0 for path in paths], np.uint32)
        self.parent_of_child = np.array([self.parents.index(parent) for parent, _ in self.children])

    def sums(self, events: Events) -> Rows:
        """Events and Σ value of every node."""
        design = np.nonzero(self.is_design[events.event])[0]
        return self._sums(self.child_of_event[events.event[design]], events.value[design])

    def players(self, events: Events) -> Rows:
        """The same, and exact players."""
        design = np.nonzero(self.is_design[events.event])[0]
        child = self.child_of_event[events.event[design]]
        seen = np.zeros((len(self.children), events.players), np.bool_)
        seen.reshape(-1)[child * np.uint32(events.players) + events.player[design]] = True
        players = [np.count_nonzero(row) for row in seen]
        players += [
            np.count_nonzero(seen[self.parent_of_child == place].any(axis=0)) for place in range(len(self.parents))
        ]
        sums = self._sums(child, events.value[design])
        return [(*row, count) for row, count in zip(sums, players, strict=True)]

    def _sums(self, child: npt.NDArray[np.uint32], value: npt.NDArray[np.float32]) -> list[tuple[str, int, float]]:
        """The children, then the parents."""
        count, total = np.bincount(child), np.bincount(child, value)
        rows = [(":".join(path), count[place], total[place]) for place, path in enumerate(self.children)]
        for place, parent in enumerate(self.parents):
            mine = self.parent_of_child == place
            rows.append((parent, count[mine].sum(), total[mine].sum()))
        return rows
